-- name: drop_stale
delete from short_link where application_id = %(application_id)s and expires_at <= clock_timestamp()

-- name: by_digest
select id, code, expires_at from short_link
where application_id = %(application_id)s and digest = %(digest)s

-- name: insert
insert into short_link (application_id, id, code, digest, body, created_at, expires_at)
values (%(application_id)s, %(id)s, %(code)s, %(digest)s, %(body)s, %(now)s, %(expires_at)s)
on conflict do nothing
returning id, code, expires_at

-- name: delete
delete from short_link where application_id = %(application_id)s and id = %(id)s returning id
