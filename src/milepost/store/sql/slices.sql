-- name: todo
select number, stream, mode, rank, starts_at, ends_at, weight, status, cursor, pages, records, error, subjects
from slice where connection_id = %(connection_id)s and sync_id = %(id)s and status = 'todo'
order by number

-- name: some
select number, stream, mode, rank, starts_at, ends_at, weight, status, cursor, pages, records, error, subjects
from slice where connection_id = %(connection_id)s and sync_id = %(id)s
  and number >= %(first)s and number < %(first)s + %(count)s
order by number

-- name: insert
insert into slice (connection_id, sync_id, number, stream, mode, rank, starts_at, ends_at, weight, cursor, subjects)
values (%(connection_id)s, %(id)s, %(number)s, %(stream)s, %(mode)s, %(rank)s, %(starts_at)s, %(ends_at)s,
  %(weight)s, %(cursor)s, %(subjects)s)

-- name: announce
-- The streams that new slices belong to, with the sums of what was planned.
insert into sync_stream as t (connection_id, sync_id, stream, rank, slices, weight)
values (%(connection_id)s, %(id)s, %(stream)s, %(rank)s, %(slices)s, %(weight)s)
on conflict (connection_id, sync_id, stream) do update
  set slices = t.slices + excluded.slices, weight = t.weight + excluded.weight

-- name: next_number
select coalesce(max(number) + 1, 0) from slice where connection_id = %(connection_id)s and sync_id = %(id)s

-- name: urgent
select exists (
  select from slice
  where connection_id = %(connection_id)s and sync_id = %(id)s and status = 'todo' and rank < %(rank)s
)

-- name: fail
with failed as (
  update slice set status = 'failed', error = %(error)s
  where connection_id = %(connection_id)s and sync_id = %(id)s and number = %(number)s and status = 'todo'
  returning connection_id, sync_id, stream, weight
)
update sync_stream t set failed = t.failed + 1, ended_weight = t.ended_weight + f.weight, error = %(error)s
from failed f
where t.connection_id = f.connection_id and t.sync_id = f.sync_id and t.stream = f.stream

-- name: refuse_stream
with refused as (
  update slice set status = 'refused', error = %(error)s
  where connection_id = %(connection_id)s and sync_id = %(id)s and stream = %(stream)s and status = 'todo'
  returning weight
)
update sync_stream t set error = %(error)s, refused = t.refused + r.slices, ended_weight = t.ended_weight + r.weight
from (select count(*) as slices, coalesce(sum(weight), 0) as weight from refused) r
where t.connection_id = %(connection_id)s and t.sync_id = %(id)s and t.stream = %(stream)s

-- name: start_again
-- A feed is opened anew; a history slice keeps the window that its cursor belonged to.
update slice set cursor = null, starts_at = case when mode = 'feed' then null else starts_at end,
  restarts = restarts + 1
where connection_id = %(connection_id)s and sync_id = %(id)s and number = %(number)s and restarts < %(most)s
returning number

-- name: read_news_again
-- Listings are read once more, and feeds on from where they were left.
with again as (
  update slice s set status = 'todo', pages = 0,
    cursor = (select c.cursor from checkpoint c
              where c.connection_id = s.connection_id and c.stream = s.stream and s.mode = 'feed'),
    starts_at = (select c.caught_up_to from checkpoint c
                 where c.connection_id = s.connection_id and c.stream = s.stream and s.mode = 'feed')
  where s.connection_id = %(connection_id)s and s.sync_id = %(id)s and s.status = 'done'
    and s.mode in ('listing', 'feed')
  returning s.stream, s.weight
)
update sync_stream t set done = t.done - a.slices, ended_weight = t.ended_weight - a.weight
from (select stream, count(*) as slices, sum(weight) as weight from again group by stream) a
where t.connection_id = %(connection_id)s and t.sync_id = %(id)s and t.stream = a.stream

-- name: reopen
-- Another sync may have read since: what a slice had named so far no longer proves anything, so that it
-- is read again from its beginning. A feed goes on where it was.
update slice set status = 'todo', error = null, restarts = 0, cursor = case when mode = 'feed' then cursor end
where connection_id = %(connection_id)s and sync_id = %(id)s and status <> 'done'

-- name: reopen_streams
update sync_stream t set refused = 0, failed = 0, error = null, ended_weight = coalesce((
  select sum(weight) from slice s
  where s.connection_id = t.connection_id and s.sync_id = t.sync_id and s.stream = t.stream and s.status = 'done'
), 0)
where t.connection_id = %(connection_id)s and t.sync_id = %(id)s

-- name: progress
select coalesce(round((100 * sum(ended_weight) / nullif(sum(weight), 0))::numeric, 2), 0)
from sync_stream where connection_id = %(connection_id)s and sync_id = %(id)s
