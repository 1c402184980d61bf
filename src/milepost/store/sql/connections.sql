-- name: get
select * from connection where id = %(id)s

-- name: stamp
-- The row's lock is the writer's lock, and the stamp becomes `modified_at` of all that is written under it.
update connection
set last_stamp = greatest(date_trunc('milliseconds', clock_timestamp()), last_stamp + interval '1 millisecond')
where id = %(id)s
returning last_stamp, filters

-- name: settle
-- Waits for the writer under way, whose stamp is older than its commit; in the next snapshot all is
-- there whose stamp lies before this moment. The limit ends with the statement.
with limited as materialized (select set_config('lock_timeout', %(limit)s, true))
select c.last_stamp from limited, connection c where c.id = %(id)s for share of c

-- name: token_is_taken
select exists (select from connection where token_digest = %(digest)s)

-- name: insert
insert into connection (
  id, application_id, provider, sync_mode, source_id, company, account, options, external_id, tags,
  token_digest, sealed_token, sealed_key, sealed_credentials, created_at, updated_at, last_stamp, next_sync_at
) values (
  %(id)s, %(application_id)s, %(provider)s, %(sync_mode)s, %(source_id)s, %(company)s, %(account)s,
  %(options)s, %(external_id)s, %(tags)s, %(token_digest)s, %(sealed_token)s, %(sealed_key)s,
  %(sealed_credentials)s, %(at)s, %(at)s, %(at)s, %(next_sync_at)s
)
returning *

-- name: filters_known
-- The filters as they were at an instant: the first that ended after it, or those that still are.
select case when v.known_until is null then c.filters else v.filters end
from connection c left join lateral (
  select known_until, filters from filters_version
  where connection_id = c.id and known_until > %(known_at)s
  order by known_until limit 1
) v on true
where c.id = %(id)s

-- name: update
-- Of what is written twice under one stamp, only the filters from before it were ever known.
with kept as (
  insert into filters_version (connection_id, known_until, filters)
  select id, last_stamp, filters from connection
  where id = %(id)s and filters is distinct from %(filters)s::jsonb
  on conflict do nothing
)
update connection set
  status = %(status)s, sync_mode = %(sync_mode)s, company = %(company)s, options = %(options)s,
  filters = %(filters)s, external_id = %(external_id)s, tags = %(tags)s, next_sync_at = %(next_sync_at)s,
  deletes_at = %(deletes_at)s, source_id = %(source_id)s, account = %(account)s,
  sealed_credentials = %(sealed_credentials)s, updated_at = last_stamp
where id = %(id)s
returning *

-- name: add_agreement
insert into agreement (connection_id, id, body) values (%(connection_id)s, %(id)s, %(body)s)

-- name: agreements
select id, body from agreement where connection_id = %(connection_id)s order by id

-- name: page
-- Ids rise with creation time, so order by id is order of creation.
select * from connection
where application_id = %(application_id)s
  and (%(after)s::uuid is null or id > %(after)s)
  and (%(external_id)s::text is null or external_id = %(external_id)s)
  and (%(provider)s::text is null or provider = %(provider)s)
  and (%(status)s::text is null or status = %(status)s)
  and (%(tag)s::text is null or %(tag)s = any (tags))
  and (%(dot_number)s::text is null
       or company -> 'dotNumbers' ? %(dot_number)s or account -> 'dotNumbers' ? %(dot_number)s)
  and (%(updated_after)s::timestamptz is null or updated_at >= %(updated_after)s)
  and (%(updated_before)s::timestamptz is null or updated_at <= %(updated_before)s)
order by id
limit %(limit)s

-- name: page_newest_first
select * from connection
where application_id = %(application_id)s
  and (%(after)s::uuid is null or id < %(after)s)
  and (%(external_id)s::text is null or external_id = %(external_id)s)
  and (%(provider)s::text is null or provider = %(provider)s)
  and (%(status)s::text is null or status = %(status)s)
  and (%(tag)s::text is null or %(tag)s = any (tags))
  and (%(dot_number)s::text is null
       or company -> 'dotNumbers' ? %(dot_number)s or account -> 'dotNumbers' ? %(dot_number)s)
  and (%(updated_after)s::timestamptz is null or updated_at >= %(updated_after)s)
  and (%(updated_before)s::timestamptz is null or updated_at <= %(updated_before)s)
order by id desc
limit %(limit)s

-- name: by_ids
select * from connection where application_id = %(application_id)s and id = any(%(ids)s)
