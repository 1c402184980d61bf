-- name: get
select sealed_credentials from connection where id = %(id)s

-- name: replace
-- Compare and swap: who linked the connection again meanwhile, or deleted it, wins. It takes the row's lock,
-- which is what the stamp takes; nothing that is published changes, so no stamp is set.
update connection set sealed_credentials = %(sealed)s where id = %(id)s and sealed_credentials = %(before)s

-- name: session
select sealed from login_session where connection_id = %(id)s and name = %(name)s and expires_at > %(now)s

-- name: keep_session
insert into login_session (connection_id, name, sealed, expires_at)
select id, %(name)s, %(sealed)s, %(expires_at)s from connection
where id = %(id)s and sealed_credentials = %(before)s
on conflict (connection_id, name) do update set sealed = excluded.sealed, expires_at = excluded.expires_at

-- name: forget_sessions
delete from login_session where connection_id = %(id)s

-- name: draft
select sealed from login_draft where digest = %(digest)s and expires_at > %(now)s

-- name: keep_draft
with past as (delete from login_draft where expires_at <= %(now)s and digest <> %(digest)s)
insert into login_draft (digest, sealed, expires_at) values (%(digest)s, %(sealed)s, %(expires_at)s)
on conflict (digest) do update set sealed = excluded.sealed, expires_at = excluded.expires_at

-- name: spend_draft
update login_draft set sealed = '' where digest = %(digest)s
