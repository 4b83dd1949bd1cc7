"""The engine's tables, the registry of farms, their facts, and the ledger."""

from alembic import op

from shared.database.migrations import statements
from shared.database.revisions import ENGINE_1

revision = "0001"
down_revision = None

AGRI = """
create table farm (
    farm_id text,
    valid_from date,
    name text not null,
    type text not null,
    district text not null,
    recorded_at timestamptz not null,
    primary key (farm_id, valid_from)
);
create table fact (
    account bigint,
    event_key bytea,
    content_hash bytea not null,
    source text not null,
    event_id text not null,
    pathway text not null,
    parcel_id text not null,
    year integer not null,
    starts date not null,
    ends date not null,
    time timestamptz,
    data jsonb not null,
    replaced_by bytea,
    posted_at timestamptz not null,
    primary key (account, event_key)
);
create index fact_account_year on fact (account, year);
create table ledger_entry (
    account bigint,
    event_key bytea,
    line integer,
    year integer not null,
    month date not null,
    pathway text not null,
    parcel_id text not null,
    quantity numeric not null,
    unit text not null,
    factor numeric not null,
    factor_set text not null,
    factor_version text not null,
    rule text not null,
    amount_mg bigint not null,
    reverses integer,
    cause bytea not null,
    sequence bigint not null,
    posted_at timestamptz not null,
    primary key (account, event_key, line)
);
create index ledger_entry_account_year on ledger_entry (account, year);
create index ledger_entry_account_sequence on ledger_entry (account, sequence);
create index ledger_entry_posted_at on ledger_entry (posted_at);
"""


def upgrade() -> None:
    for statement in statements(ENGINE_1 + AGRI):
        op.execute(statement)
