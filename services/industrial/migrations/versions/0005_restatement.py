"""Closed years, entries computed again, and what registry records said before they were corrected."""

from alembic import op

from shared.database.migrations import statements

revision = "0005"
down_revision = "0004"

CHANGES = """
create table year_change (
    year integer,
    n integer,
    action text not null,
    reason text,
    by text not null,
    at timestamptz not null,
    primary key (year, n)
);
create table restatement (
    account bigint,
    year integer,
    n integer,
    at timestamptz not null,
    by text not null,
    reason text,
    closed boolean not null,
    events bigint not null,
    before_mg bigint not null,
    after_mg bigint not null,
    replaced jsonb not null,
    posted jsonb not null,
    primary key (account, year, n)
);
create table superseded (
    kind text,
    enterprise_id text,
    id text,
    valid_from date,
    recorded_at timestamptz,
    replaced_at timestamptz not null,
    record jsonb not null,
    primary key (kind, enterprise_id, id, valid_from, recorded_at)
);
create index superseded_id on superseded (kind, id);
"""

# In the database, so that no correction can forget it. Two in the same instant are one.
KEEP = """
create function keep_superseded() returns trigger language plpgsql as $$
declare was jsonb := to_jsonb(old);
begin
    if new.recorded_at > old.recorded_at then
        execute format('insert into %I.superseded values ($1, $2, $3, $4, $5, $6, $7)',
            tg_table_schema)
        using tg_table_name, coalesce(was->>'enterprise_id', was->>'id'),
            coalesce(was->>'id', was->>'carrier'), old.valid_from, old.recorded_at,
            new.recorded_at, was;
    end if;
    return new;
end $$
"""


def keep_superseded(table: str) -> str:
    """Let a registry table keep what its rows said before."""
    return (
        f"create trigger keep_superseded before update on {table} "
        "for each row execute function keep_superseded()"
    )


def upgrade() -> None:
    for statement in statements(CHANGES):
        op.execute(statement)
    op.execute(KEEP)
    for table in ("enterprise", "asset", "meter"):
        op.execute(keep_superseded(table))
