-- Files of exported data: what syncs ask for out of band, what was received, and syncs that wait for it.

-- A sync that has read all that can be called for and waits only for files. It runs no turn, so that
-- another may work on the connection meanwhile.
alter table sync add column waiting boolean not null default false;
drop index sync_one_active;
create unique index sync_one_active on sync (connection_id)
  where status in ('requested', 'in_progress') and not waiting;

create table provider_request (
  connection_id uuid not null references connection on delete cascade,
  id uuid not null,
  type text not null check (type in ('historical_files', 'provision_credentials')),
  status text not null check (status in ('created', 'sent', 'completed', 'rejected', 'cancelled')),
  sync_id uuid not null,
  sent_at timestamptz,
  completed_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (connection_id, id),
  foreign key (connection_id, sync_id) references sync on delete cascade
);
create index on provider_request (connection_id, sync_id);

create table file (
  connection_id uuid not null references connection on delete cascade,
  id uuid not null,
  status text not null check (status in ('receiving', 'received', 'completed', 'cancelled')),
  name text not null,
  request_id uuid,                   -- the provider request that it answers, once it is received
  sync_id uuid,
  more boolean not null default false,      -- more files are to follow for the same request
  vehicle text,                      -- whom it is about, where it names none
  time_zone text,                    -- of times without one
  digest bytea,                      -- SHA-256 of its bytes: the same file is received once
  survey jsonb,                      -- what it holds: format, size, counts, span, who is named
  first_slice integer,               -- the first of its slices of the sync, once its merge has begun
  received_at timestamptz not null,
  touched_at timestamptz not null,   -- when its last part came; what is not touched for long was cut off
  completed_at timestamptz,
  primary key (connection_id, id)
);
create unique index file_once on file (connection_id, digest) where status in ('received', 'completed');
create index file_due on file (touched_at) where status in ('receiving', 'received');

create table file_part (
  connection_id uuid not null,
  file_id uuid not null,
  number integer not null,
  sealed bytea not null,             -- compressed, then sealed with the connection's key
  primary key (connection_id, file_id, number),
  foreign key (connection_id, file_id) references file on delete cascade
);
alter table file_part alter column sealed set storage external;
