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
