-- What the filters of a connection were before, for what is read as it was known then.

-- Filters until `known_until`, which is the stamp of the change that took their place; null: there were none.
create table filters_version (
  connection_id uuid not null references connection on delete cascade,
  known_until timestamptz not null,
  filters jsonb,
  primary key (connection_id, known_until)
);
