-- name: of_sync
select stream, sum(pages)::bigint, sum(records)::bigint,
  coalesce(round((100 * sum(weight) filter (where status <> 'todo') / nullif(sum(weight), 0))::numeric, 2), 0)::float8,
  bool_or(status = 'failed'), bool_or(status = 'refused'), bool_and(status <> 'todo'),
  bool_or(status <> 'todo' or pages > 0)
from slice
where connection_id = %(connection_id)s and sync_id = %(sync_id)s
group by stream
order by min(rank), stream
