-- The list of who was named in a window needs only those that stood there already: what was written since the
-- window's first page was named by it. Where the first page's stamp is unknown, nothing is believed withdrawn.
alter table roster add column begun_at timestamptz;
comment on column roster.begun_at is 'the stamp of the first page of what is being read';
