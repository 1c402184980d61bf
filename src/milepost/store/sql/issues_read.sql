-- name: page
-- Newest first; the columns stand in the order that issues.published reads.
select i.id, i.code, i.message, i.status, i.first_reported_at, i.last_reported_at, i.connection_id
from issue i join connection c on c.id = i.connection_id
where c.application_id = %(application_id)s and c.status not in ('deleting', 'deleted')
  and (%(before)s::uuid is null or i.id < %(before)s)
  and (%(connection_id)s::uuid is null or i.connection_id = %(connection_id)s)
  and (%(code)s::text is null or i.code = %(code)s)
  and (%(status)s::text is null or i.status = %(status)s)
  and (%(reported_after)s::timestamptz is null or i.last_reported_at >= %(reported_after)s)
  and (%(reported_before)s::timestamptz is null or i.last_reported_at <= %(reported_before)s)
order by i.id desc
limit %(limit)s

-- name: find
select i.id, i.code, i.message, i.status, i.first_reported_at, i.last_reported_at, i.connection_id
from issue i join connection c on c.id = i.connection_id
where c.application_id = %(application_id)s and c.status not in ('deleting', 'deleted')
  and i.id = %(id)s
