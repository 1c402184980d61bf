-- name: report
-- One row a code and subject: seen again, it is ongoing again. `again` says that it was ongoing before.
insert into issue as i (connection_id, id, code, subject, message, status, first_reported_at, last_reported_at)
values (%(connection_id)s, %(id)s, %(code)s, %(subject)s, %(message)s, 'ongoing', %(at)s, %(at)s)
on conflict (connection_id, code, subject) do update set
  message = excluded.message, last_reported_at = excluded.last_reported_at, resolved_at = null, status = 'ongoing',
  first_reported_at = case when i.status = 'ongoing' then i.first_reported_at else excluded.first_reported_at end
returning id, code, message, status, first_reported_at, last_reported_at, connection_id

-- name: ongoing
select id from issue
where connection_id = %(connection_id)s and code = %(code)s and subject = %(subject)s and status = 'ongoing'

-- name: link
insert into sync_issue (connection_id, sync_id, issue_id)
values (%(connection_id)s, %(sync_id)s, %(issue_id)s) on conflict do nothing

-- name: resolve
update issue set status = 'resolved', resolved_at = %(at)s
where connection_id = %(connection_id)s and id = %(id)s and status = 'ongoing'
returning id, code, message, status, first_reported_at, last_reported_at, connection_id

-- name: resolve_subject
update issue set status = 'resolved', resolved_at = %(at)s
where connection_id = %(connection_id)s and code = %(code)s and subject = %(subject)s and status = 'ongoing'
returning id, code, message, status, first_reported_at, last_reported_at, connection_id

-- name: of_syncs
select si.sync_id, i.id, i.code, i.message, i.status, i.first_reported_at, i.last_reported_at, i.connection_id
from sync_issue si join issue i on i.connection_id = si.connection_id and i.id = si.issue_id
where si.connection_id = %(connection_id)s and si.sync_id = any(%(sync_ids)s)
order by i.id

-- name: subject
select subject from issue where connection_id = %(connection_id)s and id = %(id)s
