-- name: others
-- Processes of ours that work on this database.
select count(*) from pg_stat_activity
where datname = current_database() and application_name in ('milepost', 'milepost-run')

-- name: backup
select coalesce(max(last_stamp), (select created_at from installation)), count(*),
  (select count(*) from application)
from connection

-- name: end_epoch
-- Cursors that were written before are told apart by their epoch.
with ended as (
  insert into restoration (epoch, reaches_to, restored_at)
  select epoch, %(reaches_to)s, clock_timestamp() from installation
  returning restored_at
)
update installation set epoch = gen_random_uuid()
returning (select restored_at from ended)

-- name: move_stamps
-- What is written from now on is later than anything that readers saw, and is fetched as soon as may be.
update connection set
  last_stamp = greatest(
    date_trunc('milliseconds', %(at)s::timestamptz), last_stamp + interval '1 millisecond'
  ),
  next_sync_at = case when next_sync_at is null then null else least(next_sync_at, %(at)s) end

-- name: leave_out_numbers
update application set events_numbered = (events_numbered / %(step)s + 1) * %(step)s

-- name: read_again
-- By epoch that has ended, from when its readers read again: what the poorest backup since then held.
select epoch, min(reaches_to) over (order by restored_at desc) from restoration
