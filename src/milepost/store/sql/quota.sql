-- name: lease
-- The budgets are locked in the order of their keys, so that no two wait for each other; the clock is read
-- once they are. What kit/quota.py computes for one process, this does for all.
with asked as (
  select * from unnest(%(keys)s::bytea[], %(rates)s::float8[], %(tops)s::float8[]) as a (key, rate, top)
), locked as materialized (
  select q.* from quota q where q.key = any (%(keys)s::bytea[]) order by q.key for update
), moment as materialized (
  select count(*) as found, coalesce(%(at)s::float8, extract(epoch from clock_timestamp())::float8) as now
  from locked
), paced as (
  select l.*, a.rate, a.top, m.now,
    case when a.rate > 0 then least(a.top, l.base + case when l.refused_at is null then 0
      else a.rate * %(regain)s::float8 * power((m.now - l.refused_at) / 60, 3) end) end as pace,
    m.now - case when %(live)s then l.bulk_at else l.live_at end < %(lately)s::float8 as shared
  from locked l join asked a using (key) cross join moment m
), spanned as (
  select p.*, greatest(1, floor(pace))::int as calls,
    case when pace >= %(whole)s::float8 then 1 else greatest(1, floor(pace)) / pace end + %(late)s::float8 as span
  from paced p
), counted as (
  select s.*, calls - case when shared then calls / %(share)s::int else 0 end as room,
    array(select t from unnest(taken) with ordinality u (t, n) where t > now - span order by n) as kept
  from spanned s
), room as (
  select c.*,
    case when now < held_until then 0 when rate = 0 then %(want)s::int
      else greatest(0, room - cardinality(kept)) end as free,
    greatest(
      case when now < held_until then held_until - now else 0 end,
      case when rate > 0 and cardinality(kept) >= room then span - now + kept[least(cardinality(kept),
        cardinality(kept) - room + least(%(want)s::int, greatest(1, calls / %(batch)s::int)))]
      else 0 end) as wait
  from counted c
), granted as materialized (
  select least(%(want)s::int, min(free)) as calls, max(wait) as wait, bool_or(now < held_until) as held
  from room
), spent as (
  update quota q set
    taken = case when r.rate > 0 then r.kept || array_fill(r.now, array[g.calls]) else '{}' end,
    live_at = case when %(live)s then r.now else r.live_at end,
    bulk_at = case when %(live)s then r.bulk_at else r.now end,
    base = case when r.rate > 0 and r.refused_at is null and cardinality(r.kept) + g.calls >= %(full)s::float8 * r.base
      then least(r.top, r.base + g.calls * %(growth)s::float8) else r.base end
  from room r cross join granted g cross join moment m
  -- Where one of the budgets has no row yet, nothing is spent of the others; the caller begins it.
  where q.key = r.key and m.found = cardinality(%(keys)s::bytea[])
)
select m.found::int, g.calls, g.wait, g.held from moment m cross join granted g

-- name: begin
insert into quota (key, base)
select key, rate from unnest(%(keys)s::bytea[], %(rates)s::float8[]) as a (key, rate) order by key
on conflict do nothing

-- name: refuse
with moment as (select coalesce(%(at)s::float8, extract(epoch from clock_timestamp())::float8) as now)
update quota q set
  held_until = greatest(held_until, now + %(seconds)s::float8),
  base = case when cuts then greatest(rate * %(floor)s::float8, %(cut)s::float8 * least(top, base + case
    when refused_at is null then 0
    else rate * %(regain)s::float8 * power((now - refused_at) / 60, 3) end)) else base end,
  refused_at = case when cuts then now else refused_at end
from moment m cross join unnest(%(keys)s::bytea[], %(rates)s::float8[], %(tops)s::float8[]) as a (key, rate, top)
  cross join lateral (select a.rate > 0 and (
    (select refused_at from quota o where o.key = a.key) is null
    or m.now - (select refused_at from quota o where o.key = a.key) >= 1) as cuts) c
where q.key = a.key
