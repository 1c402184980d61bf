-- What files told is not withdrawn by a provider's answer that does not name it: the provider never knew of it.
alter table document add column from_file boolean not null default false;
comment on column document.from_file is 'told by a file last, and not by the provider';
update document d set from_file = true
from raw r
where d.model = 'hos_log' and r.connection_id = d.connection_id and r.id = d.raw_id and r.schema like 'files.%';

-- A slice whose cursor is lost again and again is not read from its beginning for ever.
alter table slice add column restarts integer not null default 0;
comment on column slice.restarts is 'how often it was read from its beginning, because the provider lost its cursor';
