-- name: lease
-- A bucket that fills at `rate` a second and holds a second's worth. A lease takes what was wished, at most
-- half of what is there, so that other processes find something too, and at least `least` or nothing.
insert into allowance as held (subject, granted, full_at)
select %(subject)s, first.granted, now.at + first.granted / %(rate)s::float8
from (select coalesce(%(at)s::float8, extract(epoch from statement_timestamp())::float8) as at) now,
  lateral (
    select least(%(wish)s::int, greatest(%(least)s::int, floor(%(most)s::float8 / 2)::int)) as granted
  ) first
on conflict (subject) do update set
  (granted, full_at) = (
    select given.granted, greatest(held.full_at, now.at) + given.granted / %(rate)s::float8
    from (select coalesce(%(at)s::float8, extract(epoch from statement_timestamp())::float8) as at) now,
      lateral (
        select floor(%(most)s::float8 - greatest(0, held.full_at - now.at) * %(rate)s::float8)::int as there
      ) bucket,
      lateral (
        select case when bucket.there < %(least)s::int then 0
          else least(%(wish)s::int, greatest(%(least)s::int, bucket.there / 2)) end as granted
      ) given
  )
returning granted, full_at - (%(most)s::float8 - %(least)s::int) / %(rate)s::float8
  - coalesce(%(at)s::float8, extract(epoch from statement_timestamp())::float8)

-- name: sweep
-- A full allowance equals one that never was asked for.
delete from allowance where full_at < extract(epoch from statement_timestamp()) - 60
