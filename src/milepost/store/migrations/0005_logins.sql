-- What providers open for a login, for a while: a session that all workers of a connection share.

create table login_session (
  connection_id uuid not null references connection on delete cascade,
  name text not null,
  sealed bytea not null,             -- its fields, sealed with the installation's keys
  expires_at timestamptz not null,
  primary key (connection_id, name)
);

-- A login that was renewed before a connection was made of it: a code is good once.
create table login_draft (
  digest bytea primary key,          -- keyed hash of the application and of the login as it was given
  sealed bytea not null,             -- what it was traded for; empty once a connection was made of it
  expires_at timestamptz not null
);
create index on login_draft (expires_at);

-- Budgets of requests, shared by all who spend of them. Unlogged: a crash of the server forgets a second's
-- worth of calls and what was learnt of ceilings, and costs a few refused calls; it is written at every lease.
create unlogged table quota (
  key bytea primary key,             -- keyed hash of provider, organisation or login, and endpoint class
  base double precision not null,    -- calls a second, as documented or as refusals have taught
  taken double precision[] not null default '{}',  -- when the last calls were granted, seconds since 1970
  held_until double precision not null default '-infinity',
  refused_at double precision,
  live_at double precision not null default '-infinity',
  bulk_at double precision not null default '-infinity'
) with (fillfactor = 50);
