"""Reduction points acted on, days above the usual band, and emissions by month of a year."""

from alembic import op

from shared.database.migrations import statements

revision = "0006"
down_revision = "0005"


def _months(category: str) -> str:
    """The milligrams of a category in each month of a year, January first."""
    months = (
        f"coalesce(sum(amount_mg) filter (where category = '{category}' "
        f"and extract(month from month) = {n}), 0)::bigint"
        for n in range(1, 13)
    )
    return f"jsonb_build_array({', '.join(months)})"


CHANGES = f"""
create index meter_enterprise on meter (enterprise_id);
create table adoption (
    account bigint,
    opportunity text,
    since date not null,
    note text not null,
    baseline jsonb not null,
    recorded_by text not null,
    recorded_at timestamptz not null,
    primary key (account, opportunity)
);
create table warning (
    account bigint,
    day date,
    asset_id text,
    carrier text,
    unit text not null,
    value numeric not null,
    median numeric not null,
    band numeric not null,
    days integer not null,
    epoch integer not null,
    sequence bigint not null,
    told_at timestamptz not null,
    primary key (account, day, asset_id, carrier)
);
create table watched (
    account bigint primary key,
    day date not null
);
alter table account_year add column energy_months jsonb, add column process_months jsonb,
    add column avoided_months jsonb;
update account_year y
set energy_months = m.energy, process_months = m.process, avoided_months = m.avoided
from (
    select o.account, o.year, {_months("energy")} as energy, {_months("process")} as process,
        {_months("avoided")} as avoided
    from account_year o left join ledger_entry e on e.account = o.account
        and e.month between make_date(o.year, 1, 1) and make_date(o.year, 12, 31)
    group by o.account, o.year
) m
where m.account = y.account and m.year = y.year;
alter table account_year alter column energy_months set not null,
    alter column process_months set not null, alter column avoided_months set not null
"""


def upgrade() -> None:
    for statement in statements(CHANGES):
        op.execute(statement)
