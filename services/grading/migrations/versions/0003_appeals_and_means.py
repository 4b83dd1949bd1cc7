"""Decided appeals, means of the city, computed and withdrawn benchmarks.

Labels no longer depend on the city's mean of the moment, nor a benchmark on what was posted last:
every label is graded anew at the next tick, since it no longer has the version of its rule.
"""

from alembic import op

from shared.database.migrations import statements

revision = "0003"
down_revision = "0002"

CHANGES = """
alter table label add column city jsonb;
alter table label add column contested boolean not null default false;
alter table label add column suspended boolean not null default false;
alter table label alter column contested drop default;
alter table label alter column suspended drop default;
alter table benchmark alter column deep_green drop not null;
alter table benchmark alter column light_green drop not null;
alter table benchmark alter column yellow drop not null;
alter table benchmark add column basis jsonb;
alter table benchmark add column withdrawn boolean not null default false;
alter table benchmark alter column withdrawn drop default;
create table city_mean (
    year integer,
    version integer,
    accounts integer not null,
    total_t numeric not null,
    value_added numeric not null,
    taken_at timestamptz not null,
    taken_by text not null,
    primary key (year, version)
);
alter table appeal add column n integer;
alter table appeal add column note text;
alter table appeal add column decided_by text;
alter table appeal add column decided_at timestamptz;
alter table appeal add column regraded jsonb;
update appeal a set n = coalesce(
    (select n from label l where l.account = a.account and l.year = a.year), 1);
update appeal a set status = 'upheld', note = 'a later appeal takes its place',
    decided_by = 'migration', decided_at = now()
where status = 'open' and exists (select from appeal later
    where later.account = a.account and later.year = a.year and later.status = 'open'
        and (later.created_at, later.id) > (a.created_at, a.id));
alter table appeal alter column n set not null;
create unique index appeal_open on appeal (account, year) where status = 'open';
create index appeal_id on appeal (id);
create index appeal_status on appeal (status, created_at);
update label l set contested = true where exists (select from appeal a
    where a.account = l.account and a.year = l.year and a.status = 'open');
update label set rule_version = '';
alter table clock add column rules text not null default '';
alter table clock alter column rules drop default;
delete from clock;
"""


def upgrade() -> None:
    for statement in statements(CHANGES):
        op.execute(statement)
