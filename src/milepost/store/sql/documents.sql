-- name: page
-- In order of modification, which within one connection is the order of commit: a reader misses nothing.
select id, body::text, added_at, modified_at, deleted_at, raw_id, raw_ordinal
from document
where connection_id = %(connection_id)s and model = %(model)s
  and (modified_at, id) > (%(after_at)s, %(after_id)s)
  and modified_at >= %(modified_after)s and modified_at <= %(modified_before)s
  and (%(deleted)s or deleted_at is null)
order by modified_at, id
limit %(limit)s

-- name: by_ids
select id, body::text, added_at, modified_at, deleted_at, raw_id, raw_ordinal
from document
where connection_id = %(connection_id)s and model = %(model)s and id = any(%(ids)s)
