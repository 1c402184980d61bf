-- Limits of our own API, what retention has dropped, ids that were brought from elsewhere, and the lists
-- of one vehicle's or driver's records.

-- Who has asked how much of the API lately. It holds hashes only, and nothing that a crash may not lose.
create unlogged table allowance (
  subject uuid primary key,          -- hash of whom or what is limited
  full_at double precision not null, -- second since 1970 at which the allowance is whole again
  granted integer not null           -- what the last lease took
);
create index on allowance (full_at);

create index on document (connection_id, model, vehicle_id, starts_at, id)
  where starts_at is not null and vehicle_id is not null;
create index on document (connection_id, model, driver_id, starts_at, id)
  where starts_at is not null and driver_id is not null;

-- How far retention has dropped what it is set to drop: everything of the kind from before `reached`.
create table expiry (
  connection_id uuid not null references connection on delete cascade,
  kind text not null,
  reached timestamptz not null,
  primary key (connection_id, kind)
);

-- Ids that were brought from another system, in the place of those that are derived.
create table imported_id (
  connection_id uuid not null references connection on delete cascade,
  model text not null,
  source_id text not null,
  id uuid not null,
  primary key (connection_id, model, source_id),
  unique (connection_id, model, id)
);
