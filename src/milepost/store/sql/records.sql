-- name: page
-- What happened in time; one of the two orders below is appended.
select id, body::text, added_at, modified_at, deleted_at, hidden, raw_id, raw_ordinal, starts_at
from document d
where connection_id = %(connection_id)s and model = %(model)s
  and modified_at >= %(modified_after)s and modified_at <= %(modified_before)s
  and starts_at >= %(since)s and starts_at < %(until)s
  and (%(ended_since)s::timestamptz is null or ends_at >= %(ended_since)s)
  and (%(ended_until)s::timestamptz is null or ends_at < %(ended_until)s)
  and (%(vehicles)s::uuid[] is null or vehicle_id = any(%(vehicles)s))
  and (%(drivers)s::uuid[] is null or driver_id = any(%(drivers)s))
  and (%(deleted)s or deleted_at is null)

-- name: visible
-- Only records whose subject is not hidden; one that is not known yet is hidden by the lists only.
  and (%(hidden)s or (
    (%(include)s::uuid[] is null
      or case %(subject)s when 'driver' then driver_id else vehicle_id end = any(%(include)s))
    and case %(subject)s when 'driver' then driver_id else vehicle_id end <> all(%(exclude)s)
    and not exists (
      select from document s
      where s.connection_id = %(connection_id)s and s.model = %(subject)s and s.hidden is not null
        and s.id = case %(subject)s when 'driver' then d.driver_id else d.vehicle_id end)))

-- name: recorded
-- In order of record time.
  and (starts_at, id) > (%(after_at)s, %(after_id)s)
order by starts_at, id
limit %(limit)s

-- name: modified
-- In order of modification, which within one connection is the order of commit: a reader misses nothing.
  and (modified_at, id) > (%(after_at)s, %(after_id)s)
order by modified_at, id
limit %(limit)s
