-- name: keep
insert into provider_webhook (connection_id, sealed_secret, created_at)
values (%(connection_id)s, %(sealed_secret)s, %(at)s)
on conflict (connection_id) do update set sealed_secret = excluded.sealed_secret, created_at = excluded.created_at

-- name: forget
delete from provider_webhook where connection_id = %(connection_id)s

-- name: secret
select w.sealed_secret, c.provider from provider_webhook w join connection c on c.id = w.connection_id
where w.connection_id = %(connection_id)s and c.status not in ('deleting', 'deleted')

-- name: hint
update provider_webhook set hinted_at = %(at)s where connection_id = %(connection_id)s

-- name: bring_forward
-- A sync is due at once, or a while after the last one was asked for; one that is due sooner stays so.
update connection c set next_sync_at = least(c.next_sync_at, greatest(%(at)s,
  (select max(s.requested_at) from sync s where s.connection_id = c.id) + %(apart)s))
where c.id = %(connection_id)s and c.status = 'connected' and c.sync_mode = 'automatic'

-- name: ask_again
-- What was hinted at while a sync was at work is fetched after it.
update connection c set next_sync_at = least(c.next_sync_at, %(soon)s)
from provider_webhook w
where c.id = %(connection_id)s and w.connection_id = c.id
  and w.hinted_at > (select max(s.requested_at) from sync s where s.connection_id = c.id)
