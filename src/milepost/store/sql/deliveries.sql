-- name: seen
insert into webhook_courier (id, seen_at) values (%(courier)s, clock_timestamp())
on conflict (id) do update set seen_at = excluded.seen_at

-- name: forget_lost
delete from webhook_courier where seen_at < clock_timestamp() - interval '1 hour'

-- name: leave_lanes
update webhook_lane set courier = null where courier = %(courier)s

-- name: leave_replays
update webhook_replay set courier = null where courier = %(courier)s

-- name: leave
delete from webhook_courier where id = %(courier)s

-- name: claim_lanes
-- A few lanes of each endpoint, so that none takes all the places; what a lost courier held is free.
with free as (
  select e.application_id, e.id, least(
    case when e.failing_since is null then %(each)s else %(each_failing)s end - coalesce(b.busy, 0),
    %(most)s
  ) as places
  from webhook_endpoint e
  left join unnest(%(endpoints)s::uuid[], %(busy)s::int[]) b (id, busy) on b.id = e.id
  where e.status = 'enabled'
  order by random()
), picked as (
  select l.connection_id, l.endpoint_id
  from free f cross join lateral (
    select w.connection_id, w.endpoint_id from webhook_lane w
    where w.endpoint_id = f.id and w.due_at <= clock_timestamp()
      and (w.courier is null or (w.courier <> %(courier)s and not exists (
        select from webhook_courier c where c.id = w.courier
          and c.seen_at > clock_timestamp() - make_interval(secs => %(lost_seconds)s))))
    order by w.due_at
    limit greatest(f.places, 0)
    for update skip locked
  ) l
  limit %(most)s
)
update webhook_lane l set courier = %(courier)s
from picked p
where l.connection_id = p.connection_id and l.endpoint_id = p.endpoint_id
returning l.connection_id, l.endpoint_id, l.application_id

-- name: claim_replays
with free as (
  select e.id, least(%(each)s - coalesce(b.busy, 0), %(most)s) as places
  from webhook_endpoint e
  left join unnest(%(endpoints)s::uuid[], %(busy)s::int[]) b (id, busy) on b.id = e.id
  where e.status = 'enabled'
  order by random()
), picked as (
  select l.connection_id, l.endpoint_id, l.event_id
  from free f cross join lateral (
    select w.connection_id, w.endpoint_id, w.event_id from webhook_replay w
    where w.endpoint_id = f.id and w.due_at <= clock_timestamp()
      and (w.courier is null or (w.courier <> %(courier)s and not exists (
        select from webhook_courier c where c.id = w.courier
          and c.seen_at > clock_timestamp() - make_interval(secs => %(lost_seconds)s))))
    order by w.due_at
    limit greatest(f.places, 0)
    for update skip locked
  ) l
  limit %(most)s
)
update webhook_replay l set courier = %(courier)s
from picked p
where l.connection_id = p.connection_id and l.endpoint_id = p.endpoint_id and l.event_id = p.event_id
returning l.connection_id, l.endpoint_id, l.application_id, l.event_id

-- name: next_of_lane
-- One row without an event says that nothing is left; no row, that the lane is no longer the courier's.
select l.known, l.failures, p.url, p.status, p.sealed_secret,
  case when p.old_secret_until > clock_timestamp() then p.sealed_old_secret end, p.failing_since,
  c.sealed_token, e.number, e.id, e.type, e.at, e.detail::text
from webhook_lane l
join webhook_endpoint p on p.application_id = l.application_id and p.id = l.endpoint_id
left join connection c on c.id = l.connection_id
left join lateral (
  select * from event v
  where v.connection_id = l.connection_id and v.number > l.delivered
    and (p.types = '{}' or v.type = any(p.types))
  order by v.number
  limit %(most)s
) e on true
where l.connection_id = %(connection_id)s and l.endpoint_id = %(endpoint_id)s and l.courier = %(courier)s
order by e.number

-- name: next_replay
select 0, l.failures, p.url, p.status, p.sealed_secret,
  case when p.old_secret_until > clock_timestamp() then p.sealed_old_secret end, p.failing_since,
  c.sealed_token, e.number, e.id, e.type, e.at, e.detail::text
from webhook_replay l
join webhook_endpoint p on p.application_id = l.application_id and p.id = l.endpoint_id
left join connection c on c.id = l.connection_id
left join event e on e.connection_id = l.connection_id and e.id = l.event_id
where l.connection_id = %(connection_id)s and l.endpoint_id = %(endpoint_id)s
  and l.event_id = %(event_id)s and l.courier = %(courier)s

-- name: delivered
-- The lane moves on and the attempt is written in one transaction, by whoever still holds the lane.
with lane as (
  update webhook_lane set delivered = %(number)s, failures = 0,
    due_at = case when known > %(number)s then clock_timestamp() end,
    courier = case when known > %(number)s then courier end
  where connection_id = %(connection_id)s and endpoint_id = %(endpoint_id)s and courier = %(courier)s
  returning application_id, courier
), attempt as (
  insert into webhook_attempt (connection_id, id, endpoint_id, application_id, event_id, replay, at, status,
    latency_ms, answer)
  select %(connection_id)s, %(attempt_id)s, %(endpoint_id)s, application_id, %(event_id)s, false, %(at)s,
    %(status)s, %(latency_ms)s, %(answer)s from lane
), works as (
  update webhook_endpoint e set failing_since = null from lane
  where e.application_id = lane.application_id and e.id = %(endpoint_id)s and e.failing_since is not null
)
select courier from lane

-- name: failed
with lane as (
  update webhook_lane set failures = failures + 1, due_at = %(due_at)s, courier = null
  where connection_id = %(connection_id)s and endpoint_id = %(endpoint_id)s and courier = %(courier)s
  returning application_id
), attempt as (
  insert into webhook_attempt (connection_id, id, endpoint_id, application_id, event_id, replay, at, status,
    error, latency_ms, answer)
  select %(connection_id)s, %(attempt_id)s, %(endpoint_id)s, application_id, %(event_id)s, false, %(at)s,
    %(status)s, %(error)s, %(latency_ms)s, %(answer)s from lane
), fails as (
  update webhook_endpoint e set failing_since = %(at)s from lane
  where e.application_id = lane.application_id and e.id = %(endpoint_id)s and e.failing_since is null
)
select application_id from lane

-- name: given_up
with lane as (
  update webhook_lane set delivered = %(number)s, failures = 0, courier = null,
    due_at = case when known > %(number)s then clock_timestamp() end
  where connection_id = %(connection_id)s and endpoint_id = %(endpoint_id)s and courier = %(courier)s
  returning application_id
), attempt as (
  insert into webhook_attempt (connection_id, id, endpoint_id, application_id, event_id, replay, at, status,
    error, latency_ms, answer)
  select %(connection_id)s, %(attempt_id)s, %(endpoint_id)s, application_id, %(event_id)s, false, %(at)s,
    %(status)s, %(error)s, %(latency_ms)s, %(answer)s from lane
), letter as (
  insert into webhook_dead_letter (connection_id, endpoint_id, event_id, application_id, at, attempts, error)
  select %(connection_id)s, %(endpoint_id)s, %(event_id)s, application_id, %(at)s, %(attempts)s, %(error)s
  from lane
  on conflict (connection_id, endpoint_id, event_id) do update set
    at = excluded.at, attempts = excluded.attempts, error = excluded.error
)
select application_id from lane

-- name: rest
-- Nothing is left up to what was known when the log was read; what came to be known since keeps it due.
update webhook_lane set courier = null, failures = 0,
  delivered = case when known = %(known)s then known else delivered end,
  due_at = case when known > %(known)s then clock_timestamp() end
where connection_id = %(connection_id)s and endpoint_id = %(endpoint_id)s and courier = %(courier)s

-- name: hand_back
update webhook_lane set courier = null, due_at = clock_timestamp()
where connection_id = %(connection_id)s and endpoint_id = %(endpoint_id)s and courier = %(courier)s

-- name: hand_back_replay
update webhook_replay set courier = null
where connection_id = %(connection_id)s and endpoint_id = %(endpoint_id)s and event_id = %(event_id)s
  and courier = %(courier)s

-- name: drop_replay
delete from webhook_replay
where connection_id = %(connection_id)s and endpoint_id = %(endpoint_id)s and event_id = %(event_id)s
  and courier = %(courier)s

-- name: replay_delivered
-- What reached the endpoint after all is no dead letter any more.
with done as (
  delete from webhook_replay
  where connection_id = %(connection_id)s and endpoint_id = %(endpoint_id)s and event_id = %(event_id)s
    and courier = %(courier)s
  returning application_id
), attempt as (
  insert into webhook_attempt (connection_id, id, endpoint_id, application_id, event_id, replay, at, status,
    latency_ms, answer)
  select %(connection_id)s, %(attempt_id)s, %(endpoint_id)s, application_id, %(event_id)s, true, %(at)s,
    %(status)s, %(latency_ms)s, %(answer)s from done
), works as (
  update webhook_endpoint e set failing_since = null from done
  where e.application_id = done.application_id and e.id = %(endpoint_id)s and e.failing_since is not null
), letter as (
  delete from webhook_dead_letter d using done
  where d.connection_id = %(connection_id)s and d.endpoint_id = %(endpoint_id)s
    and d.event_id = %(event_id)s
)
select application_id from done

-- name: replay_failed
with held as (
  update webhook_replay set failures = failures + 1, due_at = %(due_at)s, courier = null
  where connection_id = %(connection_id)s and endpoint_id = %(endpoint_id)s and event_id = %(event_id)s
    and courier = %(courier)s
  returning application_id
), attempt as (
  insert into webhook_attempt (connection_id, id, endpoint_id, application_id, event_id, replay, at, status,
    error, latency_ms, answer)
  select %(connection_id)s, %(attempt_id)s, %(endpoint_id)s, application_id, %(event_id)s, true, %(at)s,
    %(status)s, %(error)s, %(latency_ms)s, %(answer)s from held
), fails as (
  update webhook_endpoint e set failing_since = %(at)s from held
  where e.application_id = held.application_id and e.id = %(endpoint_id)s and e.failing_since is null
)
select application_id from held

-- name: replay_given_up
with held as (
  delete from webhook_replay
  where connection_id = %(connection_id)s and endpoint_id = %(endpoint_id)s and event_id = %(event_id)s
    and courier = %(courier)s
  returning application_id
), attempt as (
  insert into webhook_attempt (connection_id, id, endpoint_id, application_id, event_id, replay, at, status,
    error, latency_ms, answer)
  select %(connection_id)s, %(attempt_id)s, %(endpoint_id)s, application_id, %(event_id)s, true, %(at)s,
    %(status)s, %(error)s, %(latency_ms)s, %(answer)s from held
), letter as (
  insert into webhook_dead_letter (connection_id, endpoint_id, event_id, application_id, at, attempts, error)
  select %(connection_id)s, %(endpoint_id)s, %(event_id)s, application_id, %(at)s, %(attempts)s, %(error)s
  from held
  on conflict (connection_id, endpoint_id, event_id) do update set
    at = excluded.at, attempts = excluded.attempts, error = excluded.error
)
select application_id from held
