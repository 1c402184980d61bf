-- name: position_staging
create temp table if not exists staged_position (
  vehicle_id uuid, located_at timestamptz, raw_id bigint, latitude double precision,
  longitude double precision, raw_ordinal integer, heading real, speed real, driver_id uuid,
  address text, source_id text
) on commit delete rows

-- name: position_taken
-- A lookup by the key for each vehicle; beyond what a cut holds nothing is told one by one.
select asked.vehicle_id, there.located_at
from unnest(%(vehicles)s::uuid[], %(since)s::timestamptz[], %(until)s::timestamptz[], %(most)s::int[])
  as asked (vehicle_id, since, until, most)
cross join lateral (
  select p.located_at from position p
  where p.connection_id = %(connection_id)s and p.vehicle_id = asked.vehicle_id
    and p.located_at between asked.since and asked.until
  limit asked.most
) there

-- name: position_merge
-- What is there unchanged costs no row; what the page names twice counts once, its last mention. `offset 0`
-- keeps the look for each row by the key: nothing is known of how much was staged, and a plan for much reads
-- the whole table (100 ms a page at 700,000 readings).
with fresh as materialized (
  select distinct on (vehicle_id, located_at) * from staged_position
  order by vehicle_id, located_at, raw_id desc, raw_ordinal desc
), merged as (
  insert into position as p (connection_id, vehicle_id, located_at, modified_at, raw_id, latitude,
    longitude, raw_ordinal, heading, speed, driver_id, address, source_id)
  select %(connection_id)s, vehicle_id, located_at, %(stamp)s, raw_id,
    latitude, longitude, raw_ordinal, heading, speed, driver_id, address, source_id
  from fresh
  on conflict (connection_id, vehicle_id, located_at) do update set
    modified_at = excluded.modified_at, raw_id = excluded.raw_id, raw_ordinal = excluded.raw_ordinal,
    latitude = excluded.latitude, longitude = excluded.longitude, heading = excluded.heading,
    speed = excluded.speed, driver_id = excluded.driver_id, address = excluded.address,
    source_id = excluded.source_id
  where (p.latitude, p.longitude, p.heading, p.speed, p.driver_id, p.address, p.source_id)
    is distinct from (excluded.latitude, excluded.longitude, excluded.heading, excluded.speed,
      excluded.driver_id, excluded.address, excluded.source_id)
  returning p.raw_id
), counted as (
  insert into row_count as c (connection_id, model, vehicle_id, day, rows)
  select %(connection_id)s, 'vehicle_location', f.vehicle_id, (f.located_at at time zone 'UTC')::date as day, count(*)
  from fresh f
  where not exists (select from position t where t.connection_id = %(connection_id)s and t.vehicle_id = f.vehicle_id and t.located_at = f.located_at
    offset 0)
  group by f.vehicle_id, day
  on conflict (connection_id, model, vehicle_id, day) do update set rows = c.rows + excluded.rows
)
select raw_id, count(*) from merged group by raw_id

-- name: stat_staging
create temp table if not exists staged_stat (
  vehicle_id uuid, at timestamptz, raw_id bigint, value double precision, raw_ordinal integer,
  type smallint, source_id text
) on commit delete rows

-- name: stat_taken
select asked.vehicle_id, there.at, there.type
from unnest(%(vehicles)s::uuid[], %(since)s::timestamptz[], %(until)s::timestamptz[], %(most)s::int[])
  as asked (vehicle_id, since, until, most)
cross join lateral (
  select s.at, s.type from stat s
  where s.connection_id = %(connection_id)s and s.vehicle_id = asked.vehicle_id
    and s.at between asked.since and asked.until and s.type = any(%(types)s::int2[])
  limit asked.most
) there

-- name: stat_merge
with fresh as materialized (
  select distinct on (vehicle_id, at, type) * from staged_stat
  order by vehicle_id, at, type, raw_id desc, raw_ordinal desc
), merged as (
  insert into stat as s (connection_id, vehicle_id, at, modified_at, raw_id, value, raw_ordinal, type, source_id)
  select %(connection_id)s, vehicle_id, at, %(stamp)s, raw_id, value,
    raw_ordinal, type, source_id
  from fresh
  on conflict (connection_id, vehicle_id, at, type) do update set
    modified_at = excluded.modified_at, raw_id = excluded.raw_id, raw_ordinal = excluded.raw_ordinal,
    value = excluded.value, source_id = excluded.source_id
  where (s.value, s.source_id) is distinct from (excluded.value, excluded.source_id)
  returning s.raw_id
), counted as (
  insert into row_count as c (connection_id, model, vehicle_id, day, rows)
  select %(connection_id)s, 'vehicle_stat', f.vehicle_id, (f.at at time zone 'UTC')::date as day, count(*)
  from fresh f
  where not exists (select from stat t where t.connection_id = %(connection_id)s and t.vehicle_id = f.vehicle_id and t.at = f.at and t.type = f.type
    offset 0)
  group by f.vehicle_id, day
  on conflict (connection_id, model, vehicle_id, day) do update set rows = c.rows + excluded.rows
)
select raw_id, count(*) from merged group by raw_id

-- name: count_rows
insert into row_count as c (connection_id, model, vehicle_id, day, rows)
select %(connection_id)s, %(model)s, unnest(%(vehicles)s::uuid[]), unnest(%(days)s::date[]), unnest(%(counts)s::bigint[])
on conflict (connection_id, model, vehicle_id, day) do update set rows = c.rows + excluded.rows
