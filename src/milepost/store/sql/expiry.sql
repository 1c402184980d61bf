-- name: due
-- Connections of which something older than the cutoffs may still be there, by id.
select c.id, c.provider from connection c
where c.status not in ('deleting', 'deleted') and (%(after)s::uuid is null or c.id > %(after)s)
  and exists (
    select from unnest(%(kinds)s::text[], %(cutoffs)s::timestamptz[]) as wanted (kind, cutoff)
      left join expiry e on e.connection_id = c.id and e.kind = wanted.kind
    where e.reached is null or e.reached < wanted.cutoff)
order by c.id
limit %(limit)s

-- name: reached
select kind, reached from expiry where connection_id = %(connection_id)s

-- name: reach
insert into expiry (connection_id, kind, reached) values (%(connection_id)s, %(kind)s, %(cutoff)s)
on conflict (connection_id, kind) do update set reached = greatest(expiry.reached, excluded.reached)

-- name: release
-- What is dropped is not held any more.
update coverage c set held = c.held - tstzmultirange(tstzrange(null, kept.since))
from unnest(%(streams)s::text[], %(since)s::timestamptz[]) as kept (stream, since)
where c.connection_id = %(connection_id)s and c.stream = kept.stream
  and c.held && tstzrange(null, kept.since)

-- name: release_gaps
-- Nor is it missing to anybody by himself.
update coverage_gap g set missing = g.missing - tstzmultirange(tstzrange(null, kept.since))
from unnest(%(streams)s::text[], %(since)s::timestamptz[]) as kept (stream, since)
where g.connection_id = %(connection_id)s and g.stream = kept.stream
  and g.missing && tstzrange(null, kept.since)

-- name: uncount
-- Cutoffs are whole days, as the counts are.
delete from row_count
where connection_id = %(connection_id)s and model = %(model)s and day < (%(cutoff)s at time zone 'UTC')::date

-- name: raw
-- The number of a cut begins with the millisecond of its stamp, so that the key finds the old ones.
delete from raw where ctid = any(array(
  select ctid from raw
  where connection_id = %(connection_id)s
    and id < (extract(epoch from %(cutoff)s::timestamptz) * 1000)::bigint << 16
  limit %(most)s))

-- name: set_aside
-- A record that was set aside is nothing but its payload.
delete from set_aside where ctid = any(array(
  select ctid from set_aside where connection_id = %(connection_id)s and at < %(cutoff)s limit %(most)s))

-- name: records
-- What happened and had ended; what still goes on, as a duty status may for weeks, stays.
delete from document where ctid = any(array(
  select ctid from document
  where connection_id = %(connection_id)s and model = %(model)s and starts_at < %(cutoff)s
    and (ends_at < %(cutoff)s or ends_at is null and model not in ('hos_log', 'trip'))
  limit %(most)s))

-- name: entities
-- Who left the fleet before; whoever is in it stays, however old.
delete from document where ctid = any(array(
  select ctid from document
  where connection_id = %(connection_id)s and model = %(model)s
    and modified_at < %(cutoff)s and deleted_at < %(cutoff)s
  limit %(most)s))

-- name: versions
delete from document_version where ctid = any(array(
  select ctid from document_version
  where connection_id = %(connection_id)s and known_until < %(cutoff)s limit %(most)s))

-- name: versions_of_dropped
-- What was known before of a document that is gone goes with it.
delete from document_version where ctid = any(array(
  select v.ctid from document_version v
  where v.connection_id = %(connection_id)s and v.known_until < %(cutoff)s and not exists (
    select from document d
    where d.connection_id = v.connection_id and d.model = v.model and d.id = v.id)
  limit %(most)s))

-- name: events
-- What is still to be numbered, or to be delivered to an endpoint that is enabled, is kept until then.
delete from event where ctid = any(array(
  select e.ctid from event e
  where e.connection_id = %(connection_id)s and e.at < %(cutoff)s and e.number is not null and not exists (
      select from webhook_lane l
      join webhook_endpoint p on p.application_id = l.application_id and p.id = l.endpoint_id
      where l.connection_id = e.connection_id and l.due_at is not null and l.delivered < e.number
        and p.status = 'enabled' and (p.types = '{}' or e.type = any(p.types)))
  limit %(most)s))

-- name: events_of_others
-- Those of applications themselves, and those of connections that were deleted.
delete from event where ctid = any(array(
  select e.ctid from event e
  where e.at < %(cutoff)s and e.number is not null and not exists (
      select from connection c where c.id = e.connection_id and c.status not in ('deleting', 'deleted'))
    and not exists (
      select from webhook_lane l
      join webhook_endpoint p on p.application_id = l.application_id and p.id = l.endpoint_id
      where l.connection_id = e.connection_id and l.due_at is not null and l.delivered < e.number
        and p.status = 'enabled' and (p.types = '{}' or e.type = any(p.types)))
  limit %(most)s))

-- name: attempts
delete from webhook_attempt where ctid = any(array(
  select ctid from webhook_attempt where at < %(cutoff)s limit %(most)s))

-- name: dead_letters
delete from webhook_dead_letter where ctid = any(array(
  select ctid from webhook_dead_letter where at < %(cutoff)s limit %(most)s))

-- name: series
-- Of the month in which the cutoff lies, by vehicle as the key leads to them; {table} and {time} are filled in.
delete from {table} where ctid = any(array(
  select old.ctid
  from document v cross join lateral (
    select s.ctid from {table} s
    where s.connection_id = v.connection_id and s.vehicle_id = v.id and s.{time} < %(cutoff)s
    limit %(most)s
  ) old
  where v.connection_id = %(connection_id)s and v.model = 'vehicle'
  limit %(most)s))

-- name: months
-- The months of a series that lie before an instant with everything in them.
select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid
where i.inhparent = %(series)s::text::regclass and c.relname < %(first_kept)s
order by c.relname

-- name: behind
-- Whether a connection may still say that it holds what lies before an instant.
select exists (
  select from connection c left join expiry e on e.connection_id = c.id and e.kind = %(kind)s
  where c.status not in ('deleting', 'deleted') and (e.reached is null or e.reached < %(cutoff)s))
