-- name: measured
-- What the last syncs read, by stream and mode; a slice about single vehicles says nothing of the fleet.
with lately as materialized (
  select id from sync where connection_id = %(connection_id)s order by id desc limit %(syncs)s
), sizes as (
  select stream, sum(bytes) as bytes, sum(records) as records
  from sync_stream where connection_id = %(connection_id)s and sync_id in (select id from lately) and bytes > 0
  group by stream
)
select s.stream, s.mode, count(*)::int8 as slices, sum(s.pages)::int8 as pages, sum(s.records)::int8 as records,
  coalesce(sum(extract(epoch from s.ends_at - s.starts_at)), 0)::float8 as seconds,
  coalesce(max(z.bytes), 0)::int8 as bytes, coalesce(max(z.records), 0)::int8 as bytes_records
from slice s left join sizes z using (stream)
where s.connection_id = %(connection_id)s and s.sync_id in (select id from lately)
  and s.status = 'done' and s.subjects is null and (s.mode <> 'history' or s.ends_at > s.starts_at)
group by s.stream, s.mode

-- name: fleet
select model, count(*)::int8 from document
where connection_id = %(connection_id)s and model = any(%(models)s) and deleted_at is null
group by model
