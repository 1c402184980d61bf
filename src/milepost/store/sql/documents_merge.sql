-- name: staging
create temp table if not exists staged_document (
  id uuid, source_id text, body jsonb, raw_id bigint, raw_ordinal integer, vehicle_id uuid, driver_id uuid,
  starts_at timestamptz, ends_at timestamptz
) on commit delete rows

-- name: keep
-- The versions that what is `changed` takes the place of. All parts of a statement see what was there before
-- it, so that this reads what the other part overwrites. An array is looked up by the key, whatever is known of
-- its length; a join may read all of a model for each.
insert into document_version (connection_id, model, id, source_id, body, added_at, modified_at, known_until,
  deleted_at, hidden, raw_id, raw_ordinal, vehicle_id, driver_id, starts_at, ends_at)
select d.connection_id, d.model, d.id, d.source_id, d.body, d.added_at, d.modified_at, %(stamp)s,
  d.deleted_at, d.hidden, d.raw_id, d.raw_ordinal, d.vehicle_id, d.driver_id, d.starts_at, d.ends_at
from document d
where d.connection_id = %(connection_id)s and d.model = %(model)s and d.id = any(array(select c.id from changed c))

-- name: hidden
-- Included ids win over everything, else exclusion, else status; of an entity e.
case
  when %(include)s::uuid[] is not null
    then case when e.id = any(%(include)s) then null else 'hidden_by_include_list' end
  when e.id = any(%(exclude)s::uuid[]) then 'hidden_by_exclude_list'
  when %(status)s::text is not null and e.body->>'status' is distinct from %(status)s then 'hidden_by_status'
end

-- name: merge_changed
-- What is there unchanged is sorted out here, so that it is neither written nor locked.
select n.*, d.hidden as was_hidden, d.deleted_at is not null as was_gone
from (
  select e.*, {hidden} as hidden
  from (select distinct on (id) * from staged_document order by id, raw_id desc, raw_ordinal desc) e
) n
left join document d on d.connection_id = %(connection_id)s and d.model = %(model)s and d.id = n.id
where d.id is null or d.body is distinct from n.body or d.deleted_at is not null or d.hidden is distinct from n.hidden

-- name: merge
, merged as (
  insert into document as d (connection_id, model, id, source_id, body, added_at, modified_at, hidden, raw_id,
    raw_ordinal, vehicle_id, driver_id, starts_at, ends_at, from_file)
  select %(connection_id)s, %(model)s, id, source_id, body, %(stamp)s, %(stamp)s, hidden, raw_id,
    raw_ordinal, vehicle_id, driver_id, starts_at, ends_at, %(from_file)s
  from changed
  on conflict (connection_id, model, id) do update set
    source_id = excluded.source_id, body = excluded.body, modified_at = excluded.modified_at,
    deleted_at = null, hidden = excluded.hidden, raw_id = excluded.raw_id, raw_ordinal = excluded.raw_ordinal,
    vehicle_id = excluded.vehicle_id, driver_id = excluded.driver_id,
    starts_at = excluded.starts_at, ends_at = excluded.ends_at, from_file = excluded.from_file
  returning d.id, d.body::text, d.added_at, d.raw_id, d.hidden
)
select m.*, c.was_hidden, c.was_gone from merged m join changed c on c.id = m.id

-- name: forget_seen
insert into roster (connection_id, model, begun_at) values (%(connection_id)s, %(roster)s, %(stamp)s)
on conflict (connection_id, model) do update set seen = '{}', begun_at = excluded.begun_at

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
  and d.deleted_at is null
  and d.id not in (select named.id from roster s, unnest(s.seen) as named (id)
    where s.connection_id = %(connection_id)s and s.model = %(model)s)

-- name: returned
-- Those whom the complete listing before this one missed, and this one names again.
select d.id, d.hidden from document d join roster r using (connection_id, model)
where d.connection_id = %(connection_id)s and d.model = %(model)s and d.deleted_at is null
  and d.id = any(r.missing) and d.id = any(r.seen)

-- name: close_listing
update roster set seen = '{}', missing = %(missing)s, held_back = %(held_back)s, held = %(held)s
where connection_id = %(connection_id)s and model = %(model)s

-- name: let_go
update roster r set held = '{}', held_back = false
from (select connection_id, model, held from roster
  where connection_id = %(connection_id)s and model = %(model)s for update) was
where r.connection_id = was.connection_id and r.model = was.model and was.held <> '{}'
returning was.held

-- name: remove_changed
select id from document
where connection_id = %(connection_id)s and model = %(model)s and id = any(%(ids)s) and deleted_at is null

-- name: withdrawn_changed
-- The timed records of a window that was read to its end without naming them: tombstones from now on. Each list
-- is made once and hashed, and what was written meanwhile is out before one is asked: a plan that looked through
-- 600 vehicles for each of 3,500 trips took 2 s, with the connection locked. `is not true` lets those pass that
-- have no vehicle, or no driver.
select d.id
from document d
where d.connection_id = %(connection_id)s and d.model = %(model)s and d.deleted_at is null
  and not d.from_file and d.starts_at >= %(starts_at)s and d.starts_at < %(ends_at)s
  and d.modified_at < (
    select r.begun_at from roster r where r.connection_id = %(connection_id)s and r.model = %(roster)s
  )
  and d.id not in (select named.id from roster s, unnest(s.seen) as named (id)
    where s.connection_id = %(connection_id)s and s.model = %(roster)s)
  -- What somebody did who has left the fleet, a vehicle or a driver as the stream has it, is no longer told, and
  -- was not withdrawn for that.
  and (case %(subject)s when 'driver' then d.driver_id else d.vehicle_id end in (
    select v.id from document v left join roster listing
      on listing.connection_id = v.connection_id and listing.model = v.model
    where v.connection_id = %(connection_id)s and v.model = %(subject)s
      and (v.deleted_at is not null or v.id = any(listing.missing))
  )) is not true
  -- Nor is what a hidden vehicle or driver did, which is not asked for; or one that was hidden when it was read.
  and (d.vehicle_id in (
    select h.id from document h
    where h.connection_id = %(connection_id)s and h.hidden is not null and h.model = 'vehicle'
  )) is not true
  and (d.driver_id in (
    select h.id from document h
    where h.connection_id = %(connection_id)s and h.hidden is not null and h.model = 'driver'
  )) is not true
  and (d.vehicle_id in (select kept.id from roster k, unnest(k.seen) as kept (id)
    where k.connection_id = %(connection_id)s and k.model = %(kept_out)s)) is not true
  and (d.driver_id in (select kept.id from roster k, unnest(k.seen) as kept (id)
    where k.connection_id = %(connection_id)s and k.model = %(kept_out)s)) is not true

-- name: outgrown_changed
-- Of a sum that is told in several records, a vehicle's month in one a jurisdiction, those that are no longer among
-- them. A sum of which nothing is told is still computed by the provider, and stands as it was.
with named as materialized (
  select named.id from roster s, unnest(s.seen) as named (id)
  where s.connection_id = %(connection_id)s and s.model = %(roster)s
), told as materialized (
  select distinct o.vehicle_id, o.starts_at from document o
  where o.connection_id = %(connection_id)s and o.model = %(model)s and o.deleted_at is null
    and (o.id in (select id from named) or o.modified_at >= (
      select r.begun_at from roster r where r.connection_id = %(connection_id)s and r.model = %(roster)s
    ))
)
select d.id from document d join told using (vehicle_id, starts_at)
where d.connection_id = %(connection_id)s and d.model = %(model)s and d.deleted_at is null and not d.from_file
  and d.id not in (select id from named)
  and d.modified_at < (
    select r.begun_at from roster r where r.connection_id = %(connection_id)s and r.model = %(roster)s
  )

-- name: remove
update document d set deleted_at = %(stamp)s, modified_at = %(stamp)s
where d.connection_id = %(connection_id)s and d.model = %(model)s and d.id = any(array(select c.id from changed c))
returning d.id, d.body::text, d.added_at, d.raw_id, d.hidden, d.hidden

-- name: govern_changed
select e.id, e.hidden as was_hidden, {hidden} as hidden
from document e
where e.connection_id = %(connection_id)s and e.model = %(model)s and e.hidden is distinct from {hidden}

-- name: govern
update document d set hidden = c.hidden, modified_at = %(stamp)s
from changed c
where d.connection_id = %(connection_id)s and d.model = %(model)s and d.id = c.id
returning d.id, d.body::text, d.added_at, d.raw_id, d.hidden, c.was_hidden, d.deleted_at

-- name: drop_roster
delete from roster where connection_id = %(connection_id)s and model = %(roster)s
