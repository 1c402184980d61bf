-- name: due
select id from connection
where next_sync_at <= clock_timestamp() and status = 'connected' and sync_mode = 'automatic'
order by next_sync_at
limit %(limit)s
for update skip locked

-- name: set_next
update connection set next_sync_at = %(next_sync_at)s where id = %(id)s
