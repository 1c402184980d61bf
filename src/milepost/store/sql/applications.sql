-- name: insert
insert into application (id, name) values (%(id)s, %(name)s)

-- name: add_key
insert into api_key (digest, application_id, kind, hint)
values (%(digest)s, %(application_id)s, %(kind)s, %(hint)s)

-- name: by_secret_key
select application_id from api_key where digest = %(digest)s and kind = 'secret'

-- name: events_off
select events_off from application where id = %(id)s

-- name: exists
select id from application where id = %(id)s
