-- name: positions
select located_at, latitude, longitude, heading, speed, driver_id, address, source_id, modified_at,
  raw_id, raw_ordinal
from position
where connection_id = %(connection_id)s and vehicle_id = %(vehicle_id)s
  and located_at >= %(since)s and located_at < %(until)s
  and modified_at <= %(known_at)s
order by located_at
limit %(limit)s

-- name: stats
select at, type, value, source_id, modified_at, raw_id, raw_ordinal
from stat
where connection_id = %(connection_id)s and vehicle_id = %(vehicle_id)s
  and at >= %(since)s and at < %(until)s and (at, type) > (%(since)s, %(after_type)s)
  and type = any(%(types)s) and modified_at <= %(known_at)s
order by at, type
limit %(limit)s
