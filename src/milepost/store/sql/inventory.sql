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
