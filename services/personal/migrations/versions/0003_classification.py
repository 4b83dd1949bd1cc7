"""The rule that classified a payment; the operator's rules; the city's sums beside the ledger."""

from alembic import op

from shared.database.migrations import statements

revision = "0003"
down_revision = "0002"

# Until now the kind alone decided, as the default rules of the same names do.
CLASSIFICATION = """
alter table ledger_entry add column rule text;
update ledger_entry set rule = (array['transfer', 'bill_electricity', 'bill_water', 'bill_gas',
    'bill_telecom', 'purchase', 'statement', 'social_insurance', 'government_fee', 'loan', 'wealth',
    'bus_ride', 'bike_ride', 'walking', 'toll_parking', 'ev_charging', 'electricity_saving',
    'donation'])[scenario] || '@2018-01-01'
where line = 0 and scenario is not null;
create table classification (
    id text,
    valid_from date,
    priority integer,
    kind text,
    channel text,
    mcc_from text,
    mcc_to text,
    with_quantity boolean,
    scenario text,
    reason text,
    changed_by text not null,
    changed_at timestamptz not null,
    primary key (id, valid_from)
);
"""
CITY = """
create table city_change (
    id bigint generated always as identity primary key,
    bank text not null,
    customers integer not null,
    months date[] not null,
    scenarios smallint[] not null,
    amounts_mg bigint[] not null,
    payments integer[] not null,
    accounts bigint[] not null,
    years integer[] not null,
    fallen boolean[] not null
);
create table city_sum (
    bank text,
    month date,
    scenario smallint,
    amount_mg bigint not null,
    payments bigint not null,
    primary key (bank, month, scenario)
);
create table city_customers (
    bank text,
    year integer,
    customers bigint not null,
    primary key (bank, year)
);
create table account_year (
    account bigint,
    year integer,
    primary key (account, year)
);
insert into city_sum
select coalesce(split_part(s.subject, ':', 1), ''), date_trunc('month', e.day)::date, e.scenario,
    sum(e.amount_mg), count(*) filter (where e.line = 0)
from ledger_entry e left join subject s on s.account = e.account
where e.scenario is not null
group by 1, 2, 3;
insert into account_year
select account, extract(year from day)::integer
from ledger_entry where scenario is not null
group by 1, 2 having sum(amount_mg) > 0;
insert into city_customers
select coalesce(split_part(s.subject, ':', 1), ''), y.year, count(*)
from (
    select account, year from account_year
    union all select number, 0 from account where balance > 0
) y left join subject s on s.account = y.account
group by 1, 2;
"""


def upgrade() -> None:
    for statement in statements(CLASSIFICATION + CITY):
        op.execute(statement)
