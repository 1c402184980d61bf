-- name: newest
-- One step into the key a vehicle, from the newest partition on.
select v.id, (
  select p.located_at from position p
  where p.connection_id = %(connection_id)s and p.vehicle_id = v.id
  order by p.located_at desc limit 1
)
from unnest(%(vehicle_ids)s) v (id)
