-- name: set_aside
insert into set_aside (connection_id, id, stream, reason, raw_id, raw_ordinal, at)
values (%(connection_id)s, %(id)s, %(stream)s, %(reason)s, %(raw_id)s, %(raw_ordinal)s, %(at)s)
on conflict do nothing
returning raw_id
