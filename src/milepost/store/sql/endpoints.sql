-- name: insert
insert into webhook_endpoint (application_id, id, url, description, types, sealed_secret, created_at, updated_at)
select a.id, %(id)s, %(url)s, %(description)s, %(types)s, %(sealed_secret)s, %(at)s, %(at)s
from application a
where a.id = %(application_id)s
  and (select count(*) from webhook_endpoint e where e.application_id = a.id) < %(most)s
returning *

-- name: get
select * from webhook_endpoint where application_id = %(application_id)s and id = %(id)s

-- name: lock
select * from webhook_endpoint where application_id = %(application_id)s and id = %(id)s
for no key update

-- name: page
select * from webhook_endpoint
where application_id = %(application_id)s and (%(after)s::uuid is null or id > %(after)s)
order by id
limit %(limit)s

-- name: update
update webhook_endpoint set
  url = %(url)s, description = %(description)s, types = %(types)s, status = %(status)s,
  disabled_because = %(disabled_because)s, failing_since = %(failing_since)s, updated_at = %(at)s
where application_id = %(application_id)s and id = %(id)s
returning *

-- name: begin_anew
-- Lanes at rest have been told all that was for them; what other types came before is not told now.
update webhook_lane l set delivered = greatest(l.delivered, a.events_numbered), known = greatest(l.known, a.events_numbered)
from application a
where a.id = %(application_id)s and l.application_id = a.id and l.endpoint_id = %(id)s and l.due_at is null

-- name: hurry
-- What waits for its next attempt is due now, as whoever enables an endpoint again expects.
with lanes as (
  update webhook_lane set due_at = least(due_at, clock_timestamp())
  where application_id = %(application_id)s and endpoint_id = %(id)s and due_at is not null
)
update webhook_replay set due_at = least(due_at, clock_timestamp())
where application_id = %(application_id)s and endpoint_id = %(id)s

-- name: rotate
update webhook_endpoint set
  sealed_old_secret = sealed_secret, old_secret_until = %(until)s, sealed_secret = %(sealed_secret)s,
  updated_at = %(at)s
where application_id = %(application_id)s and id = %(id)s
returning *

-- name: disable
-- One that fails for too long: what was delivered in between, by whichever lane, counts.
update webhook_endpoint set status = 'disabled', disabled_because = %(why)s, updated_at = clock_timestamp()
where application_id = %(application_id)s and id = %(id)s and status = 'enabled'
  and (%(failing_before)s::timestamptz is null or failing_since < %(failing_before)s)
returning id

-- name: delete
delete from webhook_endpoint where application_id = %(application_id)s and id = %(id)s returning id

-- name: replay
insert into webhook_replay (connection_id, endpoint_id, event_id, application_id, due_at)
select e.connection_id, p.id, e.id, p.application_id, clock_timestamp()
from webhook_endpoint p
join event e on e.application_id = p.application_id and e.number is not null
where p.application_id = %(application_id)s and p.id = %(id)s
  and (p.types = '{}' or e.type = any(p.types))
  and (%(event_ids)s::uuid[] is null or e.id = any(%(event_ids)s))
  and (%(connection_id)s::uuid is null or e.connection_id = %(connection_id)s)
  and (%(from)s::timestamptz is null or e.at >= %(from)s)
  and (%(until)s::timestamptz is null or e.at < %(until)s)
on conflict (connection_id, endpoint_id, event_id) do update set due_at = excluded.due_at
  where webhook_replay.due_at > excluded.due_at

-- name: replay_dead
insert into webhook_replay (connection_id, endpoint_id, event_id, application_id, due_at)
select d.connection_id, d.endpoint_id, d.event_id, d.application_id, clock_timestamp()
from webhook_dead_letter d
where d.application_id = %(application_id)s and d.endpoint_id = %(id)s
on conflict (connection_id, endpoint_id, event_id) do update set due_at = excluded.due_at
  where webhook_replay.due_at > excluded.due_at

-- name: dead_letters
select d.event_id, e.type, e.number, d.connection_id, d.at, d.attempts, d.error
from webhook_dead_letter d left join event e on e.connection_id = d.connection_id and e.id = d.event_id
where d.application_id = %(application_id)s and d.endpoint_id = %(id)s
  and (%(after)s::uuid is null or d.event_id > %(after)s)
order by d.event_id
limit %(limit)s

-- name: attempts
select id, event_id, connection_id, at, replay, status, error, latency_ms, answer from webhook_attempt
where application_id = %(application_id)s and endpoint_id = %(id)s
  and (%(before)s::uuid is null or id < %(before)s)
order by id desc
limit %(limit)s

-- name: switch
-- In one statement, so that two changes at once are both kept.
update application set events_off = array(
  select type from unnest(events_off || %(off)s::text[]) as type where type <> all(%(on)s::text[])
  group by type order by type)
where id = %(application_id)s
returning events_off
