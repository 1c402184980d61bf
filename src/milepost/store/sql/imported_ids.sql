-- name: of_connection
select model, source_id, id from imported_id where connection_id = %(connection_id)s

-- name: count
select count(*) from imported_id where connection_id = %(connection_id)s

-- name: known
-- What stands in the way of an import: the same record under another id, or the id of another record.
select 'imported', source_id, id from imported_id
where connection_id = %(connection_id)s and model = %(model)s
  and (source_id = any(%(source_ids)s) or id = any(%(ids)s))
union all
select 'stored', source_id, id from document
where connection_id = %(connection_id)s and model = %(model)s
  and (source_id = any(%(source_ids)s) or id = any(%(ids)s))

-- name: insert
insert into imported_id (connection_id, model, source_id, id)
select %(connection_id)s, %(model)s, * from unnest(%(source_ids)s::text[], %(ids)s::uuid[])
