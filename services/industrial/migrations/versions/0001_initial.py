"""The engine's tables, the registry, the journal of facts, the ledger and its sums."""

from alembic import op

from shared.database.migrations import statements
from shared.database.revisions import ENGINE_1

revision = "0001"
down_revision = None

REGISTRY = """
create table enterprise (
    id text,
    valid_from date,
    name text not null,
    sector text not null,
    district text not null,
    grid_region text not null,
    product text not null,
    product_unit text not null,
    recorded_at timestamptz not null,
    primary key (id, valid_from)
);
create table asset (
    enterprise_id text,
    id text,
    valid_from date,
    kind text not null,
    name text not null,
    parent text,
    recorded_at timestamptz not null,
    primary key (enterprise_id, id, valid_from)
);
create table meter (
    id text,
    valid_from date,
    enterprise_id text not null,
    carrier text not null,
    unit text not null,
    kind text not null,
    multiplier numeric not null,
    register_max numeric,
    asset_id text,
    recorded_at timestamptz not null,
    primary key (id, valid_from)
);
"""

LEDGER = """
create table fact (
    account bigint,
    event_key bytea,
    content_hash bytea not null,
    source text not null,
    event_id text not null,
    kind text not null,
    slot text not null,
    starts timestamptz,
    ends timestamptz not null,
    time timestamptz,
    quality text not null,
    value numeric not null,
    unit text not null,
    data jsonb not null,
    claim jsonb,
    state text not null,
    superseded_by bytea,
    replaced_by bytea,
    primary key (account, event_key)
) with (fillfactor = 90);
create index fact_slot on fact (account, slot, ends);
create index fact_counter on fact (account, slot, ends) where starts is null;
create table ledger_entry (
    account bigint,
    event_key bytea,
    line integer,
    caused_by bytea not null,
    month date not null,
    category text not null,
    asset_id text,
    meter_id text,
    activity text not null,
    quantity numeric not null,
    unit text not null,
    factor numeric not null,
    factor_id text,
    factor_set text,
    factor_version text,
    fallback boolean not null,
    quality text not null,
    amount_mg bigint not null,
    reverses integer,
    cause text not null,
    rule text not null,
    sequence bigint not null,
    posted_at timestamptz not null,
    primary key (account, event_key, line)
);
create index ledger_entry_month on ledger_entry (account, month);
create table review (
    account bigint,
    event_key bytea,
    reason text not null,
    detail text not null,
    state text not null default 'open',
    opened_at timestamptz not null,
    primary key (account, event_key)
);
"""

SUMS = """
create table account_month (
    account bigint,
    month date,
    energy_mg bigint not null default 0,
    process_mg bigint not null default 0,
    avoided_mg bigint not null default 0,
    pv_mg bigint not null default 0,
    energy_readings integer not null default 0,
    output numeric not null default 0,
    output_reports integer not null default 0,
    value_added numeric not null default 0,
    actual_mg bigint not null default 0,
    estimated_mg bigint not null default 0,
    substituted_mg bigint not null default 0,
    primary key (account, month)
) with (fillfactor = 70);
create table account_factor_set (
    account bigint,
    year integer,
    factor_set text,
    entries bigint not null,
    primary key (account, year, factor_set)
) with (fillfactor = 70);
"""


def upgrade() -> None:
    for statement in statements(ENGINE_1 + REGISTRY + LEDGER + SUMS):
        op.execute(statement)
