-- Endpoints of applications, and how far each has been told: a lane for each connection.

create table webhook_endpoint (
  application_id uuid not null references application on delete cascade,
  id uuid not null,
  url text not null,
  description text,
  types text[] not null default '{}',    -- empty: all types
  status text not null default 'enabled' check (status in ('enabled', 'disabled')),
  disabled_because text,
  sealed_secret bytea not null,
  sealed_old_secret bytea,               -- signs too, until then
  old_secret_until timestamptz,
  failing_since timestamptz,             -- the first failure since the last success
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (application_id, id)
);

-- What is left to deliver is read off the log: the events of the connection after `delivered`, up to `known`.
create table webhook_lane (
  connection_id uuid not null,
  endpoint_id uuid not null,
  application_id uuid not null,
  delivered bigint not null,             -- up to this number, all is delivered or given up
  known bigint not null,                 -- the newest number that is for this lane
  failures integer not null default 0,   -- of the event that is next
  due_at timestamptz,                    -- null: it rests
  courier uuid,                          -- whoever is at it
  primary key (connection_id, endpoint_id),
  foreign key (application_id, endpoint_id) references webhook_endpoint on delete cascade
);
create index on webhook_lane (endpoint_id, due_at) where due_at is not null;
create index on webhook_lane (application_id, endpoint_id);

-- Deliveries that were asked for again; they are outside the order.
create table webhook_replay (
  connection_id uuid not null,
  endpoint_id uuid not null,
  event_id uuid not null,
  application_id uuid not null,
  failures integer not null default 0,
  due_at timestamptz not null,
  courier uuid,
  primary key (connection_id, endpoint_id, event_id),
  foreign key (application_id, endpoint_id) references webhook_endpoint on delete cascade
);
create index on webhook_replay (endpoint_id, due_at);

create table webhook_attempt (
  connection_id uuid not null,
  id uuid not null,
  endpoint_id uuid not null,
  application_id uuid not null,
  event_id uuid not null,
  replay boolean not null,
  at timestamptz not null,
  status smallint,                       -- null: there was no answer
  error text,                            -- why it did not count as delivered
  latency_ms integer not null,
  answer text,                           -- its first 2 KB
  primary key (connection_id, id),
  foreign key (application_id, endpoint_id) references webhook_endpoint on delete cascade
);
create index on webhook_attempt (application_id, endpoint_id, id);
create index on webhook_attempt (connection_id, event_id);
create index on webhook_attempt (at);

create table webhook_dead_letter (
  connection_id uuid not null,
  endpoint_id uuid not null,
  event_id uuid not null,
  application_id uuid not null,
  at timestamptz not null,
  attempts integer not null,
  error text not null,
  primary key (connection_id, endpoint_id, event_id),
  foreign key (application_id, endpoint_id) references webhook_endpoint on delete cascade
);
create index on webhook_dead_letter (application_id, endpoint_id, event_id);
create index on webhook_dead_letter (at);

-- Workers that deliver. What one of them holds is free when it has not been seen for a while.
create table webhook_courier (
  id uuid primary key,
  seen_at timestamptz not null
);
