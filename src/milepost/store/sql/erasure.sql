-- name: due
select id from connection
where status in ('pending_deletion', 'deleting') and deletes_at <= clock_timestamp()
order by deletes_at
limit %(limit)s

-- name: begin
-- No way back from here: without its key, nothing of the archive can be opened again.
update connection set
  status = 'deleting', sealed_key = '', sealed_credentials = '', options = '{}', filters = null,
  account = account - 'user', next_sync_at = null, first_synced_at = null, updated_at = %(at)s
where id = %(connection_id)s and status = 'pending_deletion' and deletes_at <= clock_timestamp()

-- name: status
select status from connection where id = %(connection_id)s

-- name: lock
-- The strongest lock: also whoever writes a row that refers to the connection waits, or is waited for.
select id from connection where id = %(connection_id)s for update

-- name: tables
-- Every table, or partition of one, with rows of connections. Events come last, since whoever changes
-- another row may tell of it in the same transaction; syncs and issues come after what refers to them.
select c.relname::text
from pg_class c join pg_attribute a on a.attrelid = c.oid
where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace
  and a.attname = 'connection_id' and a.atttypid = 'uuid'::regtype and not a.attisdropped
order by case c.relname when 'event' then 2 when 'sync' then 1 when 'issue' then 1 else 0 end, c.relname

-- name: finish
update connection set status = 'deleted', deleted_at = %(at)s, updated_at = %(at)s
where id = %(connection_id)s and status = 'deleting'
returning *
