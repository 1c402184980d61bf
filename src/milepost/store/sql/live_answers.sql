-- name: enrol
-- The lock on the connection keeps a deletion from ending in between.
insert into live_answer (connection_id, kind, due_at)
select c.id, %(kind)s, clock_timestamp()
from connection c
where c.status = 'connected' and c.sync_mode = 'automatic' and c.provider = any(%(providers)s)
  and not exists (select from live_answer a where a.connection_id = c.id and a.kind = %(kind)s)
order by c.id
limit %(limit)s
for key share of c skip locked
on conflict do nothing

-- name: claim
-- The longest overdue first. Who claims has until the lease ends; then it is due for others again.
update live_answer a set due_at = clock_timestamp() + %(lease)s
from (
  select d.connection_id, d.kind
  from live_answer d join connection c on c.id = d.connection_id
  where d.kind = any(%(kinds)s) and d.due_at <= clock_timestamp()
    and c.status = 'connected' and c.sync_mode = 'automatic' and not c.provider = any(%(crowded)s)
  order by d.due_at
  limit 1
  for update of d skip locked
) due
where a.connection_id = due.connection_id and a.kind = due.kind
returning a.connection_id, a.kind, a.failures

-- name: keep
-- Only for a connection that is still to be polled: a deletion may have begun meanwhile.
update live_answer a
set sealed = %(sealed)s, asked_at = %(asked_at)s, due_at = %(due_at)s, failures = 0
from connection c
where a.connection_id = %(connection_id)s and a.kind = %(kind)s
  and c.id = a.connection_id and c.status = 'connected' and c.sync_mode = 'automatic'
returning a.kind

-- name: put_off
update live_answer set due_at = %(due_at)s, failures = %(failures)s
where connection_id = %(connection_id)s and kind = %(kind)s

-- name: fresh
select sealed, asked_at from live_answer
where connection_id = %(connection_id)s and kind = %(kind)s and asked_at > %(since)s

-- name: sweep
-- What is no longer polled is no longer served either.
delete from live_answer where (connection_id, kind) in (
  select a.connection_id, a.kind
  from live_answer a join connection c on c.id = a.connection_id
  where not a.kind = any(%(kinds)s) or c.status <> 'connected' or c.sync_mode <> 'automatic'
  for update of a skip locked
)
