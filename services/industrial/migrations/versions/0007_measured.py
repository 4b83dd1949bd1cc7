"""Measured properties of fuels and steam, and what was computed with them."""

from alembic import op

from shared.database.migrations import statements

revision = "0007"
down_revision = "0006"

CHANGES = """
create table measured_fuel (
    enterprise_id text,
    carrier text,
    valid_from date,
    ncv numeric,
    ncv_unit text,
    carbon_content numeric,
    oxidation numeric,
    enthalpy numeric,
    evidence text not null,
    recorded_at timestamptz not null,
    primary key (enterprise_id, carrier, valid_from)
);
create trigger keep_superseded before update on measured_fuel
    for each row execute function keep_superseded();
alter table account_year add column measured_mg bigint not null default 0;
alter table account_year alter column measured_mg drop default;
"""


def upgrade() -> None:
    for statement in statements(CHANGES):
        op.execute(statement)
