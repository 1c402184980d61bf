-- Events become a log: each gets a number, gapless within its application, after its commit.

alter table event
  -- Drawn under the lock of the event's connection, so that within one connection it rises with commits.
  add column place bigint generated always as identity,
  add column number bigint;             -- null until the sequencer has been here
drop index event_application_id_id_idx;
create unique index event_by_number on event (application_id, number) where number is not null;
create index event_of_connection on event (connection_id, number) where number is not null;
create index event_without_number on event (place) where number is null;
create index event_by_age on event (at);

alter table application
  add column events_numbered bigint not null default 0,   -- the last number that was given
  add column events_off text[] not null default '{}';     -- types that are not told

comment on column event.connection_id is
  'The connection that the event tells of; an event of the application itself stands under its own id.';
