-- name: insert
insert into file (connection_id, id, status, name, vehicle, time_zone, more, received_at, touched_at)
values (%(connection_id)s, %(id)s, 'receiving', %(name)s, %(vehicle)s, %(time_zone)s, %(more)s, %(at)s, %(at)s)

-- name: touch
update file set touched_at = %(at)s
where connection_id = %(connection_id)s and id = %(id)s and status = 'receiving'

-- name: insert_part
insert into file_part (connection_id, file_id, number, sealed)
values (%(connection_id)s, %(id)s, %(number)s, %(sealed)s)

-- name: parts
-- Some of them, from a number on: a megabyte each.
select number, sealed from file_part
where connection_id = %(connection_id)s and file_id = %(id)s and number >= %(number)s
order by number
limit 4

-- name: get
select * from file where connection_id = %(connection_id)s and id = %(id)s

-- name: page
select * from file
where connection_id = %(connection_id)s and status <> 'receiving'
  and (%(before)s::uuid is null or id < %(before)s)
order by id desc
limit %(limit)s

-- name: same
select * from file
where connection_id = %(connection_id)s and digest = %(digest)s and status in ('received', 'completed')

-- name: receive
update file set status = 'received', digest = %(digest)s, survey = %(survey)s::jsonb, sync_id = %(sync_id)s,
  request_id = %(request_id)s, received_at = %(at)s, touched_at = %(at)s
where connection_id = %(connection_id)s and id = %(id)s and status = 'receiving'
returning *

-- name: begin
update file set first_slice = %(first_slice)s
where connection_id = %(connection_id)s and id = %(id)s

-- name: complete
update file set status = 'completed', completed_at = %(at)s
where connection_id = %(connection_id)s and id = %(id)s and status = 'received'
returning *

-- name: drop
delete from file where connection_id = %(connection_id)s and id = %(id)s

-- name: drop_parts
delete from file_part where connection_id = %(connection_id)s and file_id = %(id)s

-- name: cancel_parts
delete from file_part p using file f
where f.connection_id = %(connection_id)s and f.sync_id = %(sync_id)s and f.status = 'received'
  and p.connection_id = f.connection_id and p.file_id = f.id

-- name: cancel
update file set status = 'cancelled'
where connection_id = %(connection_id)s and sync_id = %(sync_id)s and status = 'received'

-- name: cancel_slices
-- What a retry fetches anew it fetches from the provider; files are sent again.
with gone as (
  delete from slice where connection_id = %(connection_id)s and sync_id = %(sync_id)s and stream like 'files.%%'
    and status = 'todo'
  returning stream, weight
)
update sync_stream t set slices = t.slices - g.slices, weight = t.weight - g.weight
from (select stream, count(*) as slices, sum(weight) as weight from gone group by stream) g
where t.connection_id = %(connection_id)s and t.sync_id = %(sync_id)s and t.stream = g.stream

-- name: to_come
-- Whether a request has files yet that are not merged, or whose sender has more.
select exists (
  select 1 from file where connection_id = %(connection_id)s and request_id = %(id)s
    and status in ('receiving', 'received')
), coalesce((
  select more from file where connection_id = %(connection_id)s and request_id = %(id)s
  order by received_at desc, id desc limit 1
), false)

-- name: due
-- Files whose sync waits for nothing else any more, oldest first, of providers that are installed.
select f.connection_id, f.id from file f
  join sync s on s.connection_id = f.connection_id and s.id = f.sync_id
  join connection c on c.id = f.connection_id
where f.status = 'received' and s.status = 'in_progress' and s.waiting
  and c.status in ('connected', 'disconnected') and c.provider = any(%(providers)s)
order by f.touched_at
limit %(limit)s

-- name: sweep
-- What was cut off together with whoever received it.
delete from file where status = 'receiving' and touched_at < clock_timestamp() - interval '10 minutes'

-- name: known
-- Whom the connection knows already, by what files name them by.
select source_id, body ->> 'vin', body ->> 'name', body ->> 'username', body ->> 'firstName',
  body ->> 'lastName', body #>> '{license,state}', body #>> '{license,number}'
from document where connection_id = %(connection_id)s and model = %(model)s
order by id
