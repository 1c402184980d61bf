-- name: staging
create temp table if not exists staged_document (
  id uuid, source_id text, body jsonb, raw_id bigint, raw_ordinal integer, vehicle_id uuid, driver_id uuid,
  starts_at timestamptz, ends_at timestamptz
) on commit delete rows

-- name: merge
insert into document as d (connection_id, model, id, source_id, body, added_at, modified_at, raw_id, raw_ordinal,
  vehicle_id, driver_id, starts_at, ends_at)
select distinct on (id) %(connection_id)s, %(model)s, id, source_id, body, %(stamp)s, %(stamp)s, raw_id, raw_ordinal,
  vehicle_id, driver_id, starts_at, ends_at
from staged_document
order by id, raw_id desc, raw_ordinal desc
on conflict (connection_id, model, id) do update set
  source_id = excluded.source_id, body = excluded.body, modified_at = excluded.modified_at,
  deleted_at = null, raw_id = excluded.raw_id, raw_ordinal = excluded.raw_ordinal,
  vehicle_id = excluded.vehicle_id, driver_id = excluded.driver_id,
  starts_at = excluded.starts_at, ends_at = excluded.ends_at
where d.body is distinct from excluded.body or d.deleted_at is not null
returning d.id, d.body, d.added_at, d.raw_id

-- name: forget_seen
insert into roster (connection_id, model) values (%(connection_id)s, %(roster)s)
on conflict (connection_id, model) do update set seen = '{}'

-- name: see
update roster set seen = seen || %(ids)s
where connection_id = %(connection_id)s and model = %(roster)s

-- name: absent
-- The live entities that the complete listing did not name, and whether the listing before missed them too.
select d.id, d.id = any(r.missing), r.held_back,
  (select count(*) from document l where l.connection_id = d.connection_id and l.model = d.model
     and l.deleted_at is null) as live
from document d join roster r using (connection_id, model)
where d.connection_id = %(connection_id)s and d.model = %(model)s
  and d.deleted_at is null and d.id <> all(r.seen)

-- name: close_listing
update roster set seen = '{}', missing = %(missing)s, held_back = %(held_back)s
where connection_id = %(connection_id)s and model = %(model)s

-- name: remove
update document set deleted_at = %(stamp)s, modified_at = %(stamp)s
where connection_id = %(connection_id)s and model = %(model)s and id = any(%(ids)s)
returning id, body, added_at, raw_id

-- name: withdrawn
-- The timed records of a window that was read to its end without naming them: tombstones from now on.
update document d set deleted_at = %(stamp)s, modified_at = %(stamp)s
from roster r
where r.connection_id = d.connection_id and r.model = %(roster)s
  and d.connection_id = %(connection_id)s and d.model = %(model)s and d.deleted_at is null
  and d.starts_at >= %(starts_at)s and d.starts_at < %(ends_at)s and d.id <> all(r.seen)
  -- What a vehicle did that has left the fleet is no longer told, and was not withdrawn for that.
  and not exists (
    select from document v left join roster listing
      on listing.connection_id = v.connection_id and listing.model = 'vehicle'
    where v.connection_id = d.connection_id and v.model = 'vehicle' and v.id = d.vehicle_id
      and (v.deleted_at is not null or v.id = any(listing.missing))
  )
returning d.id, d.body, d.added_at, d.raw_id

-- name: drop_roster
delete from roster where connection_id = %(connection_id)s and model = %(roster)s
