-- name: first_synced
update connection set first_synced_at = %(at)s where id = %(id)s and first_synced_at is null

-- name: disconnect
update connection set status = 'disconnected', updated_at = %(at)s, next_sync_at = null
where id = %(id)s and status = 'connected'

-- name: drop_rosters
delete from roster where connection_id = %(connection_id)s and model like '%%#' || %(sync_id)s || '#%%'
