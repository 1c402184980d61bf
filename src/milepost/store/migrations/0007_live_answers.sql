-- Managed polling: what providers last told of this moment, kept until it is asked anew.
create table live_answer (
  connection_id uuid not null references connection on delete cascade,
  kind text not null check (kind in ('vehicle_location', 'trailer_location', 'available_time')),
  due_at timestamptz not null,            -- when it is to be asked again; moved on by whoever begins to
  failures integer not null default 0,    -- in a row
  asked_at timestamptz,                   -- when what is kept was asked for; null before the first answer
  sealed bytea,                           -- the records with their raw JSON, under the connection's key
  primary key (connection_id, kind)
);
create index on live_answer (kind, due_at);
