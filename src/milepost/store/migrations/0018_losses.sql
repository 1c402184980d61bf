-- Whoever resolves the issue of a loss that was too large to believe lets go of exactly those.
alter table roster add column held uuid[] not null default '{}';
comment on column roster.held is 'missed by two complete listings in a row, and held back since they are too many';
