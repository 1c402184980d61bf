-- name: known
-- Documents as they were known at an instant, in the place of the table: those that have not changed since,
-- and the version of that time of those that have.
with document as not materialized (
  select connection_id, model, id, source_id, body, added_at, modified_at, deleted_at, hidden, raw_id,
    raw_ordinal, vehicle_id, driver_id, starts_at, ends_at
  from document where modified_at <= %(known_at)s
  union all
  select connection_id, model, id, source_id, body, added_at, modified_at, deleted_at, hidden, raw_id,
    raw_ordinal, vehicle_id, driver_id, starts_at, ends_at
  from document_version where modified_at <= %(known_at)s and known_until > %(known_at)s
)

-- name: page
-- In order of modification, which within one connection is the order of commit: a reader misses nothing.
select id, body::text, added_at, modified_at, deleted_at, hidden, raw_id, raw_ordinal
from document
where connection_id = %(connection_id)s and model = %(model)s
  and (modified_at, id) > (%(after_at)s, %(after_id)s)
  and modified_at >= %(modified_after)s and modified_at <= %(modified_before)s
  and (%(deleted)s or deleted_at is null)
  and (%(hidden)s or hidden is null)
order by modified_at, id
limit %(limit)s

-- name: by_ids
select id, body::text, added_at, modified_at, deleted_at, hidden, raw_id, raw_ordinal
from document
where connection_id = %(connection_id)s and model = %(model)s and id = any(%(ids)s)
