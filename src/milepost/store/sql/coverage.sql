-- name: held
select stream, held from coverage where connection_id = %(connection_id)s

-- name: wanted
-- What syncs of this connection have asked for, whatever became of them.
select range_agg(tstzrange(start_from, requested_at)) from sync
where connection_id = %(connection_id)s and start_from < requested_at

-- name: hold
insert into coverage (connection_id, stream, held)
values (%(connection_id)s, %(stream)s, tstzmultirange(tstzrange(%(starts_at)s, %(ends_at)s)))
on conflict (connection_id, stream) do update set held = coverage.held + excluded.held

-- name: checkpoints
select stream, cursor, caught_up_to from checkpoint where connection_id = %(connection_id)s

-- name: keep_checkpoint
insert into checkpoint (connection_id, stream, cursor, caught_up_to)
values (%(connection_id)s, %(stream)s, %(cursor)s, %(caught_up_to)s)
on conflict (connection_id, stream) do update set cursor = excluded.cursor, caught_up_to = excluded.caught_up_to

-- name: drop_checkpoint
delete from checkpoint where connection_id = %(connection_id)s and stream = %(stream)s

-- name: gaps
-- What single vehicles and drivers lack and the next sync fetches, by the ids that the source knows.
select g.stream, d.source_id, g.missing
from coverage_gap g
  join document d on d.connection_id = g.connection_id and d.model = any('{vehicle,driver}') and d.id = g.subject_id
where g.connection_id = %(connection_id)s and g.reason = 'not_yet_fetched'
order by g.stream, d.source_id

-- name: miss
insert into coverage_gap (connection_id, stream, subject_id, reason, missing)
select %(connection_id)s, %(stream)s, unnest(%(subjects)s::uuid[]), %(reason)s,
  tstzmultirange(tstzrange(%(starts_at)s, %(ends_at)s))
on conflict (connection_id, stream, subject_id, reason) do update
  set missing = coverage_gap.missing + excluded.missing

-- name: appeared
-- Whoever joins a fleet of which something is held lacks all of that.
insert into coverage_gap (connection_id, stream, subject_id, reason, missing)
select c.connection_id, c.stream, s.id, %(reason)s, c.held
from coverage c, unnest(%(subjects)s::uuid[]) as s (id)
where c.connection_id = %(connection_id)s and c.stream = any(%(streams)s) and not isempty(c.held)
on conflict (connection_id, stream, subject_id, reason) do update
  set missing = coverage_gap.missing + excluded.missing

-- name: fill
update coverage_gap set missing = missing - tstzmultirange(tstzrange(%(starts_at)s, %(ends_at)s))
where connection_id = %(connection_id)s and stream = %(stream)s
  and (%(subjects)s::uuid[] is null or subject_id = any(%(subjects)s)) and reason = 'not_yet_fetched'

-- name: forget_filled
delete from coverage_gap where connection_id = %(connection_id)s and stream = %(stream)s and isempty(missing)

-- name: let_in
-- What a filter kept out is fetched from now on.
with open as (
  delete from coverage_gap
  where connection_id = %(connection_id)s and subject_id = any(%(subjects)s) and reason = 'filtered_out'
  returning *
)
insert into coverage_gap as g (connection_id, stream, subject_id, reason, missing)
select connection_id, stream, subject_id, 'not_yet_fetched', missing from open
on conflict (connection_id, stream, subject_id, reason) do update set missing = g.missing + excluded.missing
