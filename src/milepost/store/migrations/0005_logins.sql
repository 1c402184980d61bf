-- What providers open for a login, for a while: a session that all workers of a connection share.

create table login_session (
  connection_id uuid not null references connection on delete cascade,
  name text not null,
  sealed bytea not null,             -- its fields, sealed with the installation's keys
  expires_at timestamptz not null,
  primary key (connection_id, name)
);
