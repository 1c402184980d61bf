-- name: by_ids
select id, schema, path, extracted_at, sealed from raw
where connection_id = %(connection_id)s and id = any(%(ids)s)
