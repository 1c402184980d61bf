-- name: asked
-- What syncs have asked for, also where the provider's history does not reach.
select range_agg(tstzrange(coalesce(asked_from, start_from), requested_at)) from sync
where connection_id = %(connection_id)s and coalesce(asked_from, start_from) < requested_at

-- name: outcomes
-- How the last sync that is through with a stream left it.
select distinct on (t.stream) t.stream, t.refused, t.failed
from sync_stream t join sync s on s.connection_id = t.connection_id and s.id = t.sync_id
where t.connection_id = %(connection_id)s and t.done + t.refused + t.failed >= t.slices
order by t.stream, s.requested_at desc

-- name: lacking
select stream, subject_id, reason, missing from coverage_gap
where connection_id = %(connection_id)s and subject_id = any(%(subjects)s)

-- name: rows_of_series
select model, {subject} as subject, day, sum(rows)::bigint from row_count
where connection_id = %(connection_id)s and day >= %(since)s and day < %(until)s and rows > 0
  and (%(subjects)s::uuid[] is null or vehicle_id = any(%(subjects)s))
group by 1, 2, 3 order by 1, 2, 3

-- name: rows_of_documents
select model, {subject} as subject, (starts_at at time zone 'UTC')::date as day, count(*) from document
where connection_id = %(connection_id)s and model = any(%(models)s)
  and starts_at >= %(since)s and starts_at < %(until)s and deleted_at is null
  and (%(subjects)s::uuid[] is null or {column} = any(%(subjects)s))
group by 1, 2, 3 order by 1, 2, 3

-- name: subjects
select id from document
where connection_id = %(connection_id)s and model = %(model)s and deleted_at is null and id > %(after)s
  and (%(ids)s::uuid[] is null or id = any(%(ids)s))
order by id
limit %(limit)s

-- name: costs
-- What slices that are through took, of the last ten syncs.
select stream, mode, count(*), sum(pages), sum(records), sum(weight)
from slice
where connection_id = %(connection_id)s and status = 'done' and pages > 0 and subjects is null
  and sync_id in (
    select id from sync where connection_id = %(connection_id)s order by requested_at desc limit 10)
group by stream, mode

-- name: pace
-- Seconds a page, of syncs that were not waiting for files.
select extract(epoch from sum(completed_at - started_at))::float8 / nullif(sum(pages), 0)
from (
  select * from sync
  where connection_id = %(connection_id)s and status = 'completed' and pages > 0 and provider_requests = '{}'
  order by requested_at desc limit 10
) recent

-- name: size
-- Bytes of raw data that a record left behind, in the largest of the last ten syncs. The number of a cut begins
-- with the millisecond of its stamp.
with largest as (
  select * from (
    select * from sync where connection_id = %(connection_id)s and status = 'completed'
    order by requested_at desc limit 10) recent
  where records > 0 order by records desc limit 1
)
select (sum(length(r.sealed)) / max(l.records))::float8
from largest l join raw r on r.connection_id = l.connection_id
  and r.id >= (extract(epoch from l.started_at) * 1000)::bigint << 16
  and r.id < ((extract(epoch from l.completed_at) * 1000)::bigint + 1) << 16
