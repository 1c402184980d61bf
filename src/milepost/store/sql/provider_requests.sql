-- name: insert
insert into provider_request (connection_id, id, type, status, sync_id, created_at, updated_at)
values (%(connection_id)s, %(id)s, %(type)s, 'created', %(sync_id)s, %(at)s, %(at)s)

-- name: page
select * from provider_request
where connection_id = %(connection_id)s and (%(before)s::uuid is null or id < %(before)s)
order by id desc
limit %(limit)s

-- name: get
select * from provider_request where connection_id = %(connection_id)s and id = %(id)s

-- name: open
-- Those that are not answered yet, oldest first; of one sync, or of all.
select * from provider_request
where connection_id = %(connection_id)s and status in ('created', 'sent')
  and (%(sync_id)s::uuid is null or sync_id = %(sync_id)s)
order by id

-- name: send
update provider_request set status = 'sent', sent_at = %(at)s, updated_at = %(at)s
where connection_id = %(connection_id)s and sync_id = %(sync_id)s and status = 'created'

-- name: end
update provider_request set status = %(status)s, updated_at = %(at)s,
  completed_at = case when %(status)s = 'completed' then %(at)s::timestamptz end
where connection_id = %(connection_id)s and id = %(id)s and status in ('created', 'sent')
returning *

-- name: cancel_all
update provider_request set status = 'cancelled', updated_at = %(at)s
where connection_id = %(connection_id)s and sync_id = %(sync_id)s and status in ('created', 'sent')

-- name: reopen
update provider_request set status = 'created', sent_at = null, updated_at = %(at)s
where connection_id = %(connection_id)s and sync_id = %(sync_id)s and status = 'cancelled'
