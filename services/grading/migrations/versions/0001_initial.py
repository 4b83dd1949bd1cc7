"""The engine's tables, account states, labels and their history, benchmarks, appeals."""

from alembic import op

from shared.database.migrations import statements
from shared.database.revisions import ENGINE_1

revision = "0001"
down_revision = None

GRADING = """
create table account_state (
    account bigint,
    year integer,
    kind text not null,
    epoch integer not null,
    sequence bigint not null,
    sector text not null,
    district text not null,
    product text,
    product_unit text,
    total_t numeric not null,
    gross_t numeric,
    output numeric,
    value_added numeric,
    months_energy integer,
    months_output integer,
    quality jsonb,
    data jsonb not null,
    primary key (account, year)
) with (fillfactor = 70);
create index account_state_sector_product on account_state (sector, product);
create index account_state_year on account_state (year);
create table label (
    account bigint,
    year integer,
    kind text not null,
    sector text not null,
    n integer not null,
    label text not null,
    missing text,
    intensity_numerator numeric,
    intensity_denominator numeric,
    ratio_numerator numeric,
    ratio_denominator numeric,
    benchmark jsonb,
    dimensions jsonb not null,
    reason jsonb not null,
    rule_version text not null,
    decided_at timestamptz not null,
    valid_until timestamptz,
    looked_at timestamptz not null,
    cause text not null,
    primary key (account, year)
) with (fillfactor = 70);
create index label_label on label (label);
create table label_history (
    account bigint,
    year integer,
    n integer,
    epoch integer not null,
    sequence bigint not null,
    label text not null,
    previous text,
    ratio_numerator numeric,
    ratio_denominator numeric,
    benchmark_version text,
    rule_version text not null,
    data jsonb not null,
    decided_at timestamptz not null,
    cause text not null,
    primary key (account, year, n)
);
create table benchmark (
    sector text,
    product text,
    year integer,
    version integer,
    unit text not null,
    value numeric not null,
    deep_green numeric not null,
    light_green numeric not null,
    yellow numeric not null,
    kind text not null,
    source text not null,
    valid_from date,
    recorded_by text not null,
    recorded_at timestamptz not null,
    primary key (sector, product, year, version)
);
create table appeal (
    account bigint,
    id uuid,
    year integer not null,
    label text not null,
    reason text not null,
    evidence text,
    status text not null,
    client text not null,
    created_at timestamptz not null,
    primary key (account, id)
);
create table clock (
    one boolean primary key,
    month date not null
);
"""


def upgrade() -> None:
    for statement in statements(ENGINE_1 + GRADING):
        op.execute(statement)
