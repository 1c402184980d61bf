-- name: of_sync
select stream, rank, slices, done, refused, failed, pages, records, answered, error,
  coalesce(round((100 * ended_weight / nullif(weight, 0))::numeric, 2), 0)::float8 as progress
from sync_stream
where connection_id = %(connection_id)s and sync_id = %(sync_id)s
order by rank, stream
