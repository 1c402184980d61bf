-- name: hidden
select id from document
where connection_id = %(connection_id)s and model = %(model)s and hidden is not null

-- name: keep_out
insert into roster as r (connection_id, model, seen) values (%(connection_id)s, %(slice)s, %(subjects)s)
on conflict (connection_id, model) do update
  set seen = array(select distinct unnest(r.seen || excluded.seen))

-- name: let_in_since
-- Who was kept out of a slice's pages and is hidden no longer.
with kept as (delete from roster where connection_id = %(connection_id)s and model = %(slice)s returning seen)
select s.id from kept cross join unnest(kept.seen) as s (id)
where not exists (
  select from document d
  where d.connection_id = %(connection_id)s and d.model = %(model)s and d.id = s.id and d.hidden is not null
)

-- name: read_again
delete from coverage where connection_id = %(connection_id)s
