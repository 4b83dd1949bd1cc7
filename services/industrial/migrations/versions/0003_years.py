"""Sums by year instead of by month: an announced state reads one row instead of twelve."""

from alembic import op

from shared.database.migrations import statements

revision = "0003"
down_revision = "0002"


def _counts(name: str) -> str:
    """What was counted in each month of a year, January first."""
    months = (
        f"coalesce(sum({name}) filter (where extract(month from month) = {n}), 0)"
        for n in range(1, 13)
    )
    return f"jsonb_build_array({', '.join(months)})"


YEARS = f"""
create table account_year (
    account bigint,
    year integer,
    energy_mg bigint not null,
    process_mg bigint not null,
    avoided_mg bigint not null,
    pv_mg bigint not null,
    output numeric not null,
    value_added numeric not null,
    actual_mg bigint not null,
    estimated_mg bigint not null,
    substituted_mg bigint not null,
    energy_readings jsonb not null,
    output_reports jsonb not null,
    factor_sets jsonb not null,
    primary key (account, year)
) with (fillfactor = 70);
insert into account_year
select m.account, m.year, sum(energy_mg), sum(process_mg), sum(avoided_mg), sum(pv_mg),
    sum(output), sum(value_added), sum(actual_mg), sum(estimated_mg), sum(substituted_mg),
    {_counts("energy_readings")}, {_counts("output_reports")},
    coalesce((select jsonb_object_agg(s.factor_set, s.entries) from account_factor_set s
        where s.account = m.account and s.year = m.year), '{{}}')
from (select *, extract(year from month)::int as year from account_month) m
group by m.account, m.year;
drop table account_month;
drop table account_factor_set;
"""


def upgrade() -> None:
    for statement in statements(YEARS):
        op.execute(statement)
