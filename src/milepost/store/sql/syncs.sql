-- name: insert
-- The partial unique index lets one request win; the others get no row and are told who works.
insert into sync (connection_id, id, status, reason, start_from, requested_at, provider_requests, resume_at,
  asked_from, refetch)
values (%(connection_id)s, %(id)s, 'requested', %(reason)s, %(start_from)s, %(now)s, %(provider_requests)s, %(now)s,
  %(asked_from)s, %(refetch)s)
on conflict (connection_id) where status in ('requested', 'in_progress') and not waiting do nothing
returning id

-- name: active
-- The one that is worked on; a sync that only waits for files keeps no other from being.
select id from sync
where connection_id = %(connection_id)s and status in ('requested', 'in_progress') and not waiting

-- name: insert_waiting
insert into sync (connection_id, id, status, reason, start_from, requested_at, started_at, provider_requests,
  resume_at, waiting)
values (%(connection_id)s, %(id)s, 'in_progress', 'request', %(start_from)s, %(now)s, %(now)s,
  '{historical_files}', %(now)s, true)

-- name: waiting
select id from sync where connection_id = %(connection_id)s and status = 'in_progress' and waiting

-- name: wait
-- All that can be called for is there.
update sync set waiting = true, job_id = null
where connection_id = %(connection_id)s and id = %(id)s and status = 'in_progress'

-- name: last_requested_at
select max(requested_at) from sync where connection_id = %(connection_id)s

-- name: get
select * from sync where connection_id = %(connection_id)s and id = %(id)s

-- name: get_for_update
select * from sync where connection_id = %(connection_id)s and id = %(id)s for update

-- name: page
-- Newest first; `before` is the last id of the page before.
select * from sync
where connection_id = %(connection_id)s
  and (%(status)s::text is null or status = %(status)s)
  and (%(before)s::uuid is null or id < %(before)s)
order by id desc
limit %(limit)s

-- name: set_job
update sync set job_id = %(job_id)s, resume_at = %(resume_at)s
where connection_id = %(connection_id)s and id = %(id)s

-- name: start
update sync set status = 'in_progress', started_at = coalesce(started_at, clock_timestamp())
where connection_id = %(connection_id)s and id = %(id)s and status = 'requested'
returning *

-- name: progress
update sync set progress = greatest(progress, %(progress)s)
where connection_id = %(connection_id)s and id = %(id)s

-- name: another_attempt
update sync set attempts = attempts + 1, stalls = stalls + 1
where connection_id = %(connection_id)s and id = %(id)s
returning stalls

-- name: complete
update sync set status = 'completed', progress = 100, completed_at = clock_timestamp(), cancel_reason = null,
  waiting = false
where connection_id = %(connection_id)s and id = %(id)s and status = 'in_progress'
returning *

-- name: fail
update sync set status = 'failed', failure_reason = %(failure_reason)s, completed_at = clock_timestamp(),
  cancel_reason = null, waiting = false
where connection_id = %(connection_id)s and id = %(id)s and status in ('requested', 'in_progress')
returning *

-- name: ask_to_cancel
update sync set cancel_reason = %(cancel_reason)s
where connection_id = %(connection_id)s and id = %(id)s and status in ('requested', 'in_progress')

-- name: retry
update sync set status = 'requested', failure_reason = null, completed_at = null, cancel_reason = null,
  attempts = attempts + 1, stalls = 0, progress = 0, resume_at = clock_timestamp()
where connection_id = %(connection_id)s and id = %(id)s and status = 'failed'
returning *

-- name: fed
update sync set fed_at = %(fed_at)s where connection_id = %(connection_id)s and id = %(id)s

-- name: due
-- What waits for its time waits here, and not in the queue.
select * from sync
where status in ('requested', 'in_progress') and not waiting and job_id is null and resume_at <= %(now)s
order by resume_at
limit %(limit)s
for update skip locked

-- name: orphans
-- Active syncs that nobody will go on with: their turn is due, no session holds their fence, and the
-- queue has no waiting job for them. A job that was fetched is given %(grace)s to take the fence.
select s.connection_id, s.id, s.job_id, j.status as job_status
from sync s left join procrastinate_jobs j on j.id = s.job_id
where s.status in ('requested', 'in_progress') and not s.waiting
  and s.job_id is not null and s.resume_at < clock_timestamp() - %(grace)s::interval
  and (j.id is null or j.status not in ('todo', 'doing')
       or j.status = 'doing' and (
         select max(e.at) from procrastinate_events e where e.job_id = j.id and e.type = 'started'
       ) < clock_timestamp() - %(grace)s::interval)
  and not exists (
    select 1 from pg_locks l
    where l.locktype = 'advisory' and l.granted
      and l.database = (select oid from pg_database where datname = current_database())
      and l.objsubid = 1
      and (l.classid::bigint << 32 | l.objid::bigint)
          = ('x' || substr(replace(s.connection_id::text, '-', ''), 17, 16))::bit(64)::bigint
  )
