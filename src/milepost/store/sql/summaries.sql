-- name: utilization
-- Days added up by vehicle; records.visible and one of the two orders below are appended. A day that was
-- withdrawn adds nothing, and counts as a change.
select vehicle_id, max(modified_at),
  min(starts_at) filter (where deleted_at is null), max(starts_at) filter (where deleted_at is null),
  sum((body->>'distance')::numeric) filter (where deleted_at is null)::float8,
  sum((body->>'fuelConsumed')::numeric) filter (where deleted_at is null)::float8,
  sum((body->'durations'->>'driving')::numeric) filter (where deleted_at is null)::bigint,
  sum((body->'durations'->>'idling')::numeric) filter (where deleted_at is null)::bigint,
  array_agg(raw_id order by starts_at, id) filter (where deleted_at is null and %(raw)s),
  array_agg(raw_ordinal order by starts_at, id) filter (where deleted_at is null and %(raw)s)
from document d
where connection_id = %(connection_id)s and model = 'vehicle_utilization_day'
  and starts_at >= %(since)s and starts_at < %(until)s
  and (%(vehicles)s::uuid[] is null or vehicle_id = any(%(vehicles)s))

-- name: by_vehicle
  and vehicle_id > %(after_id)s
group by vehicle_id
having count(*) filter (where deleted_at is null) > 0
order by vehicle_id
limit %(limit)s

-- name: by_modification
-- Of vehicles whose sum was last changed within the bounds: the sum itself is always of all its days.
group by vehicle_id
having count(*) filter (where deleted_at is null) > 0
  and max(modified_at) >= %(modified_after)s and max(modified_at) <= %(modified_before)s
  and (max(modified_at), vehicle_id) > (%(after_at)s, %(after_id)s)
order by max(modified_at), vehicle_id
limit %(limit)s

-- name: ifta
-- What is not grouped by is the same in all rows. An unknown jurisdiction is the empty one; records.visible
-- and the grouping below are appended.
select k.vehicle, k.jurisdiction, k.month, sum((body->>'distance')::numeric)::float8,
  array_agg(raw_id order by starts_at, id) filter (where %(raw)s),
  array_agg(raw_ordinal order by starts_at, id) filter (where %(raw)s)
from document d cross join lateral (select
  case when %(by_vehicle)s then d.vehicle_id else '00000000-0000-0000-0000-000000000000' end as vehicle,
  case when %(by_jurisdiction)s then coalesce(d.body->>'jurisdiction', '') else '' end as jurisdiction,
  case when %(by_month)s then d.body->>'month' else '' end as month) k
where connection_id = %(connection_id)s and model = 'ifta_vehicle_month' and deleted_at is null
  and starts_at >= %(first_month)s and starts_at <= %(last_month)s
  and (%(after_vehicle)s::uuid is null
    or (k.vehicle, k.jurisdiction, k.month) > (%(after_vehicle)s, %(after_jurisdiction)s, %(after_month)s))

-- name: ifta_grouped
group by k.vehicle, k.jurisdiction, k.month
order by k.vehicle, k.jurisdiction, k.month
limit %(limit)s
