-- How many bytes a stream's answers had, so that a sync can be estimated before it is asked for.
alter table sync_stream add column bytes bigint not null default 0;
