-- What is held, vehicle by vehicle: the gaps of single vehicles and drivers, rows a day, and how each
-- stream of a sync fared.

-- Stretches over which a stream was read (`coverage.held`) but not for this vehicle or driver.
create table coverage_gap (
  connection_id uuid not null references connection on delete cascade,
  stream text not null,
  subject_id uuid not null,                 -- the vehicle, or for hours of service the driver
  reason text not null check (reason in ('not_yet_fetched', 'filtered_out')),
  missing tstzmultirange not null,          -- the next sync fetches what is not yet fetched, and nothing that is filtered out
  primary key (connection_id, stream, subject_id, reason)
);

-- Rows of the dense series by UTC day of record time, counted in the transaction that adds or takes them.
create table row_count (
  connection_id uuid not null,
  model text not null,                      -- vehicle_location or vehicle_stat
  vehicle_id uuid not null,
  day date not null,
  rows bigint not null,
  primary key (connection_id, model, vehicle_id, day)
) with (fillfactor = 80);

insert into row_count (connection_id, model, vehicle_id, day, rows)
select connection_id, 'vehicle_location', vehicle_id, (located_at at time zone 'UTC')::date, count(*)
from position group by 1, 3, 4
union all
select connection_id, 'vehicle_stat', vehicle_id, (at at time zone 'UTC')::date, count(*)
from stat group by 1, 3, 4;

alter table sync
  add asked_from timestamptz,               -- what was asked for, where start_from had to be later: the provider's history ends
  add fed_at timestamptz,                   -- when this sync last turned to what is new: listings and feeds
  add refetch boolean not null default false;  -- what is held is fetched again

alter table slice
  add subjects text[];                      -- only these vehicles or drivers, by their ids at the source; null: all

-- One row a stream of a sync: the sums of its slices, kept with every page, so that progress costs the same
-- however many slices there are.
create table sync_stream (
  connection_id uuid not null,
  sync_id uuid not null,
  stream text not null,
  rank integer not null,
  slices integer not null default 0,
  done integer not null default 0,
  refused integer not null default 0,
  failed integer not null default 0,
  weight double precision not null default 0,
  ended_weight double precision not null default 0,
  pages bigint not null default 0,
  records bigint not null default 0,
  answered boolean not null default false,  -- the provider gave an answer, so that the stream may be read
  error text,                               -- the last refusal or failure, in words
  primary key (connection_id, sync_id, stream),
  foreign key (connection_id, sync_id) references sync on delete cascade
);

insert into sync_stream (connection_id, sync_id, stream, rank, slices, done, refused, failed, weight,
  ended_weight, pages, records, answered, error)
select connection_id, sync_id, stream, min(rank), count(*), count(*) filter (where status = 'done'),
  count(*) filter (where status = 'refused'), count(*) filter (where status = 'failed'), sum(weight),
  coalesce(sum(weight) filter (where status <> 'todo'), 0), sum(pages), sum(records),
  bool_or(records > 0 or status = 'done' and mode <> 'history'), max(error)
from slice group by 1, 2, 3;

create index slice_todo on slice (connection_id, sync_id, number) where status = 'todo';
