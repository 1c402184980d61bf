-- What was known before, and what the connection's filters hide.

alter table document
  add hidden text check (hidden in ('hidden_by_exclude_list', 'hidden_by_include_list', 'hidden_by_status'));

comment on column document.hidden is 'why the filters of the connection hide a vehicle or driver; null where they do not';

create index document_hidden on document (connection_id, model, id) where hidden is not null;

-- A document as it was from `modified_at` until it was changed, removed, hidden or shown again: until
-- `known_until`, which is the `modified_at` of what came then.
create table document_version (
  connection_id uuid not null references connection on delete cascade,
  model text not null,
  id uuid not null,
  source_id text not null,
  body jsonb not null,
  added_at timestamptz not null,
  modified_at timestamptz not null,
  known_until timestamptz not null,
  deleted_at timestamptz,
  hidden text,
  raw_id bigint,
  raw_ordinal integer,
  vehicle_id uuid,
  driver_id uuid,
  starts_at timestamptz,
  ends_at timestamptz,
  primary key (connection_id, model, id, modified_at)
);
create index document_version_until on document_version (connection_id, model, known_until);
