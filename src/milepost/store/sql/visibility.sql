-- name: hidden
select id from document
where connection_id = %(connection_id)s and model = %(model)s and hidden is not null

-- name: hidden_at_source
select id, source_id from document
where connection_id = %(connection_id)s and model = %(model)s and hidden is not null

-- name: keep_out
insert into roster as r (connection_id, model, seen) values (%(connection_id)s, %(slice)s, %(subjects)s)
on conflict (connection_id, model) do update
  set seen = array(select distinct unnest(r.seen || excluded.seen))

-- name: end_slice
-- Who was kept out of a slice's pages, and who is hidden now. One who is not listed yet stays kept out.
with kept as (delete from roster where connection_id = %(connection_id)s and model = %(slice)s returning seen),
out as (select unnest(seen) as id from kept),
known as (
  select id, hidden is not null as hidden from document
  where connection_id = %(connection_id)s and model = %(model)s
    and (hidden is not null or id = any(array(select id from out)))
)
select coalesce(k.id, o.id), coalesce(k.hidden, true) from known k full join out o on o.id = k.id
