-- name: newest
-- One step into the key a vehicle, from the newest partition on.
select v.id, p.located_at, p.latitude, p.longitude
from unnest(%(vehicle_ids)s) v (id)
cross join lateral (
  select located_at, latitude, longitude from position
  where connection_id = %(connection_id)s and vehicle_id = v.id
  order by located_at desc limit 1
) p
