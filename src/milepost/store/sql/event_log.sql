-- name: number
-- Numbers what was committed since, in the order of places, and wakes the lanes that it is for. An event
-- that a deletion takes away meanwhile is not numbered: its row is locked before anything is counted.
with fresh as (
  select connection_id, id, application_id, type, place from event
  where number is null
  order by place
  limit %(most)s
  for no key update
), counted as (
  select *, row_number() over (partition by application_id order by place) as nth from fresh
), heads as (
  update application a set events_numbered = a.events_numbered + c.count
  from (select application_id, count(*) from fresh group by 1) c
  where a.id = c.application_id
  returning a.id, a.events_numbered - c.count as before
), numbered as (
  update event e set number = h.before + c.nth
  from counted c join heads h on h.id = c.application_id
  where e.connection_id = c.connection_id and e.id = c.id
  returning e.connection_id, e.application_id, e.type, e.number
), woken as (
  insert into webhook_lane as l (connection_id, endpoint_id, application_id, delivered, known, due_at)
  select n.connection_id, p.id, p.application_id, min(n.number) - 1, max(n.number), clock_timestamp()
  from numbered n
  join webhook_endpoint p
    on p.application_id = n.application_id and (p.types = '{}' or n.type = any(p.types))
  group by 1, 2, 3
  on conflict (connection_id, endpoint_id) do update set
    known = excluded.known, due_at = coalesce(l.due_at, excluded.due_at)
  returning 1
)
select (select count(*) from numbered), (select count(*) from woken)

-- name: page
select number, id, type, at, detail, connection_id from event
where application_id = %(application_id)s and number > %(after)s
  and (%(types)s::text[] is null or type = any(%(types)s))
order by number
limit %(limit)s

-- name: page_newest_first
select number, id, type, at, detail, connection_id from event
where application_id = %(application_id)s and number < %(before)s
  and (%(types)s::text[] is null or type = any(%(types)s))
order by number desc
limit %(limit)s

-- name: page_of_connection
select number, id, type, at, detail, connection_id from event
where connection_id = %(connection_id)s and application_id = %(application_id)s and number > %(after)s
  and (%(types)s::text[] is null or type = any(%(types)s))
order by number
limit %(limit)s

-- name: page_of_connection_newest_first
select number, id, type, at, detail, connection_id from event
where connection_id = %(connection_id)s and application_id = %(application_id)s and number < %(before)s
  and (%(types)s::text[] is null or type = any(%(types)s))
order by number desc
limit %(limit)s

-- name: tokens
select id, sealed_token from connection where application_id = %(application_id)s and id = any(%(ids)s)
