-- Each time that the database was put back to an older state: what was told since then holds no longer.

create table restoration (
  epoch uuid primary key,                -- that ended then; cursors carry it
  reaches_to timestamptz not null,       -- the newest change that the backup held
  restored_at timestamptz not null
);
