-- name: hidden
select id from document
where connection_id = %(connection_id)s and model = %(model)s and hidden is not null
