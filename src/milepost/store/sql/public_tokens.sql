-- name: drop_stale
delete from public_token where connection_id = %(connection_id)s and expires_at <= clock_timestamp()

-- name: insert
insert into public_token (connection_id, digest, expires_at)
select id, %(digest)s, %(expires_at)s from connection
where id = %(connection_id)s and application_id = %(application_id)s and status not in ('deleting', 'deleted')

-- name: spend
-- One statement, so that of two who come with the same token one finds it.
delete from public_token t using connection c
where t.digest = %(digest)s and c.id = t.connection_id and c.application_id = %(application_id)s
  and c.status not in ('deleting', 'deleted')
returning t.connection_id, t.expires_at > clock_timestamp()
