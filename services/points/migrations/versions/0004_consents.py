"""Consents, villages of persons, league tables."""

from alembic import op

from shared.database.migrations import statements

revision = "0004"
down_revision = "0003"

CONSENTS = """
create table consent (
    account bigint,
    id uuid,
    bank text not null,
    scope text not null,
    given_at timestamptz not null,
    given_by text not null,
    until timestamptz not null,
    ended_at timestamptz,
    ended_by text,
    replaced_by uuid,
    primary key (account, id)
);
create unique index consent_open on consent (account, bank, scope) where ended_at is null;
create index consent_bank on consent (bank, scope) where ended_at is null;
create index consent_id on consent (id);
create table residence (
    account bigint primary key,
    village text not null,
    since timestamptz not null
);
create table league (
    kind text,
    year integer,
    name text,
    rank integer,
    people integer not null,
    points bigint not null,
    primary key (kind, year, name)
);
create table league_taken (
    day date primary key,
    taken_at timestamptz not null
);
"""


def upgrade() -> None:
    for statement in statements(CONSENTS):
        op.execute(statement)
