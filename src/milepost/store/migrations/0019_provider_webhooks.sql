-- Providers that tell of news themselves: what they say is signed with a secret of the fleet's own.

create table provider_webhook (
  connection_id uuid primary key references connection on delete cascade,
  sealed_secret bytea not null,
  created_at timestamptz not null,
  hinted_at timestamptz                  -- when the provider last said that there is something new
);
