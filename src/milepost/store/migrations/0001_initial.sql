-- The database as Milepost first shipped it. The connection leads every key of tenant data, so that
-- one fleet's pages sit together and the schema distributes by connection on Citus.

create table installation (
  one boolean primary key default true check (one),
  epoch uuid not null,               -- changes when the database is restored from a backup; cursors carry it
  sealed_pepper bytea not null,      -- keys the hashes by which keys and tokens are found
  created_at timestamptz not null default now()
);

create table application (
  id uuid primary key,
  name text not null,
  created_at timestamptz not null default now()
);

create table api_key (
  digest bytea primary key,          -- keyed hash; the key itself is shown once and kept nowhere
  application_id uuid not null references application on delete cascade,
  kind text not null check (kind in ('secret', 'publishable')),
  hint text not null,                -- the last four characters, to tell keys apart
  created_at timestamptz not null default now()
);

create table connection (
  id uuid primary key,
  application_id uuid not null references application,
  provider text not null,
  status text not null default 'connected'
    check (status in ('connected', 'disconnected', 'archived', 'pending_deletion', 'deleting', 'deleted')),
  sync_mode text not null check (sync_mode in ('automatic', 'manual')),
  source_id text,                    -- the provider's id of the account
  company jsonb not null default '{}',
  account jsonb not null default '{}',
  options jsonb not null default '{}',
  filters jsonb,
  external_id text,
  tags text[] not null default '{}',
  token_digest bytea not null unique,
  sealed_token bytea not null,       -- GET /connections shows tokens again
  sealed_key bytea not null,         -- the connection's own key; without it nothing raw can be read
  sealed_credentials bytea not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  last_stamp timestamptz not null,   -- the writer's lock and the clock of modification, in whole milliseconds
  next_sync_at timestamptz,          -- when the cadence asks again; null where it does not
  first_synced_at timestamptz,
  deletes_at timestamptz,            -- when the grace of a requested deletion is over
  deleted_at timestamptz
);
create index on connection (application_id, id);
create index on connection (next_sync_at) where next_sync_at is not null;
create index on connection (deletes_at) where status in ('pending_deletion', 'deleting');

create table public_token (
  connection_id uuid not null references connection on delete cascade,
  digest bytea not null unique,      -- keyed hash; exchanging it once is what it is for
  expires_at timestamptz not null,
  primary key (connection_id, digest)
);

create table short_link (
  application_id uuid not null references application on delete cascade,
  id uuid not null,
  code text not null unique,         -- what stands in the URL
  digest bytea not null,             -- of the body: the same body gets the same link
  body jsonb not null,               -- what the Link page is to be opened with
  created_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (application_id, id),
  unique (application_id, digest)
);

create table agreement (
  connection_id uuid not null references connection on delete cascade,
  id uuid not null,
  body jsonb not null,
  primary key (connection_id, id)
);

create table sync (
  connection_id uuid not null references connection on delete cascade,
  id uuid not null,
  status text not null check (status in ('requested', 'in_progress', 'completed', 'failed')),
  reason text not null check (reason in ('request', 'connection', 'schedule')),
  start_from timestamptz not null,
  requested_at timestamptz not null,
  started_at timestamptz,
  completed_at timestamptz,
  failure_reason text,
  provider_requests text[] not null default '{}',
  attempts integer not null default 1,
  stalls integer not null default 0,        -- attempts in a row that brought no page
  progress numeric(5, 2) not null default 0,
  pages bigint not null default 0,
  records bigint not null default 0,
  cancel_reason text,                       -- set once somebody asked to stop; the next page boundary obeys
  resume_at timestamptz not null,           -- no turn begins before this; a turn pushes it into the future
  job_id bigint,                            -- the queue's job that is to run the next turn
  primary key (connection_id, id)
);
create unique index sync_one_active on sync (connection_id) where status in ('requested', 'in_progress');
create index sync_active on sync (resume_at) where status in ('requested', 'in_progress');

create table slice (
  connection_id uuid not null,
  sync_id uuid not null,
  number integer not null,                  -- the order in which slices are taken
  stream text not null,
  mode text not null check (mode in ('listing', 'history', 'feed')),
  rank integer not null,
  starts_at timestamptz,
  ends_at timestamptz,
  weight double precision not null,         -- seconds of window; what progress is counted in
  status text not null default 'todo' check (status in ('todo', 'done', 'refused', 'failed')),
  cursor text,
  pages integer not null default 0,
  records bigint not null default 0,
  error text,
  primary key (connection_id, sync_id, number),
  foreign key (connection_id, sync_id) references sync on delete cascade
);

create table checkpoint (
  connection_id uuid not null references connection on delete cascade,
  stream text not null,
  cursor text not null,                     -- where the feed goes on
  caught_up_to timestamptz,                 -- everything that came in before this was seen
  primary key (connection_id, stream)
);

create table coverage (
  connection_id uuid not null references connection on delete cascade,
  stream text not null,
  held tstzmultirange not null default '{}',   -- record time that was read to the end
  primary key (connection_id, stream)
);

create table roster (
  connection_id uuid not null references connection on delete cascade,
  model text not null,                      -- for timed records: the model and the slice that is being read
  seen uuid[] not null default '{}',        -- named so far by the listing under way
  missing uuid[] not null default '{}',     -- not named by the last complete listing
  held_back boolean not null default false, -- a loss too large to believe waits for one more listing
  primary key (connection_id, model)
);

create table document (
  connection_id uuid not null references connection on delete cascade,
  model text not null,
  id uuid not null,
  source_id text not null,
  body jsonb not null,                      -- the model as published, without metadata and raw
  added_at timestamptz not null,
  modified_at timestamptz not null,
  deleted_at timestamptz,
  raw_id bigint,
  raw_ordinal integer,
  vehicle_id uuid,                          -- what reads of timed records filter by
  driver_id uuid,
  starts_at timestamptz,                    -- record time of what has one: a trip, a duty status, a safety event
  ends_at timestamptz,
  primary key (connection_id, model, id)
);
create index on document (connection_id, model, modified_at, id);
create index on document (connection_id, model, starts_at, id) where starts_at is not null;

create table raw (
  connection_id uuid not null references connection on delete cascade,
  id bigint not null,
  schema text not null,
  path text not null,
  extracted_at timestamptz not null,
  sealed bytea not null,                    -- zstd, then AES-256-GCM with the connection's own key
  primary key (connection_id, id)
);

create table set_aside (
  connection_id uuid not null references connection on delete cascade,
  id uuid not null,
  stream text not null,
  reason text not null,
  raw_id bigint not null,
  raw_ordinal integer not null,
  at timestamptz not null,
  primary key (connection_id, id)
);

create table position (
  connection_id uuid not null,
  vehicle_id uuid not null,
  located_at timestamptz not null,
  modified_at timestamptz not null,
  raw_id bigint,
  latitude double precision not null,
  longitude double precision not null,
  raw_ordinal integer,
  heading real,
  speed real,
  driver_id uuid,
  address text,
  source_id text,
  primary key (connection_id, vehicle_id, located_at)
) partition by range (located_at);

create table stat (
  connection_id uuid not null,
  vehicle_id uuid not null,
  at timestamptz not null,
  modified_at timestamptz not null,
  raw_id bigint,
  value double precision not null,
  raw_ordinal integer,
  type smallint not null,                   -- index in models.stats.STAT_TYPES
  source_id text,
  primary key (connection_id, vehicle_id, at, type)
) partition by range (at);

create table issue (
  connection_id uuid not null references connection on delete cascade,
  id uuid not null,
  code text not null,
  subject text not null,                    -- what it is about: a stream, a model
  message text not null,
  status text not null check (status in ('ongoing', 'resolved')),
  first_reported_at timestamptz not null,
  last_reported_at timestamptz not null,
  resolved_at timestamptz,
  primary key (connection_id, id),
  unique (connection_id, code, subject)
);

create table sync_issue (
  connection_id uuid not null,
  sync_id uuid not null,
  issue_id uuid not null,
  primary key (connection_id, sync_id, issue_id),
  foreign key (connection_id, sync_id) references sync on delete cascade,
  foreign key (connection_id, issue_id) references issue on delete cascade
);

create table event (
  connection_id uuid not null,
  id uuid not null,
  application_id uuid not null,
  type text not null,
  at timestamptz not null,
  detail jsonb not null,                    -- never a token or another secret
  primary key (connection_id, id)
);
create index on event (application_id, id);
