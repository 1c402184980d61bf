-- name: set_aside
insert into set_aside (connection_id, id, stream, reason, raw_id, raw_ordinal, at)
values (%(connection_id)s, %(id)s, %(stream)s, %(reason)s, %(raw_id)s, %(raw_ordinal)s, %(at)s)
on conflict do nothing
returning raw_id

-- name: turn_page
-- A page was merged: whoever brings a page is not stalled. Says whether somebody asked to stop.
with moved as (
  update sync set pages = pages + 1, records = records + %(records)s, stalls = 0
  where connection_id = %(connection_id)s and id = %(sync_id)s
  returning cancel_reason, status
), turned as (
  update slice set cursor = %(cursor)s, pages = pages + 1, records = records + %(records)s,
    starts_at = %(starts_at)s, ends_at = %(ends_at)s, status = %(status)s, error = null
  where connection_id = %(connection_id)s and sync_id = %(sync_id)s and number = %(number)s
  returning connection_id, sync_id, stream, weight, status
), counted as (
  update sync_stream t set pages = t.pages + 1, records = t.records + %(records)s, bytes = t.bytes + %(bytes)s,
    answered = t.answered or %(asked)s,
    done = t.done + (s.status = 'done')::integer,
    ended_weight = t.ended_weight + case when s.status = 'done' then s.weight else 0 end
  from turned s
  where t.connection_id = s.connection_id and t.sync_id = s.sync_id and t.stream = s.stream
)
select cancel_reason, status from moved
