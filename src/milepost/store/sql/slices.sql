-- name: all
select number, stream, mode, rank, starts_at, ends_at, weight, status, cursor, pages, records, error
from slice where connection_id = %(connection_id)s and sync_id = %(id)s
order by number

-- name: insert
insert into slice (connection_id, sync_id, number, stream, mode, rank, starts_at, ends_at, weight, cursor)
values (%(connection_id)s, %(id)s, %(number)s, %(stream)s, %(mode)s, %(rank)s, %(starts_at)s, %(ends_at)s,
  %(weight)s, %(cursor)s)

-- name: turn_page
update slice set cursor = %(cursor)s, pages = pages + 1, records = records + %(records)s,
  starts_at = %(starts_at)s, ends_at = %(ends_at)s, status = %(status)s, error = null
where connection_id = %(connection_id)s and sync_id = %(id)s and number = %(number)s

-- name: set_status
update slice set status = %(status)s, error = %(error)s
where connection_id = %(connection_id)s and sync_id = %(id)s and number = %(number)s

-- name: refuse_stream
update slice set status = 'refused', error = %(error)s
where connection_id = %(connection_id)s and sync_id = %(id)s and stream = %(stream)s and status = 'todo'

-- name: start_again
-- A feed is opened anew; a history slice keeps the window that its cursor belonged to.
update slice set cursor = null, starts_at = case when mode = 'feed' then null else starts_at end
where connection_id = %(connection_id)s and sync_id = %(id)s and number = %(number)s

-- name: reopen
-- Another sync may have read since: what a slice had named so far no longer proves anything, so that it
-- is read again from its beginning. A feed goes on where it was.
update slice set status = 'todo', error = null, cursor = case when mode = 'feed' then cursor end
where connection_id = %(connection_id)s and sync_id = %(id)s and status <> 'done'

-- name: progress
select coalesce(round((100 * sum(weight) filter (where status <> 'todo') / nullif(sum(weight), 0))::numeric, 2), 0)
from slice where connection_id = %(connection_id)s and sync_id = %(id)s
