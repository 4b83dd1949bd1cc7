"""The audit of what classified payments, and of the city's sums beside the ledger."""

from datetime import date
from typing import Any

from services.personal import rules
from services.personal.city import JUDGED
from services.personal.classification import timeline
from shared.database import Connection
from shared.methodology import methodology
from shared.units.calendar import Zone

# A payment has the scenario of its rule, or that rule's reason, on a day on which it held. The
# channel and the quantity, which no ledger keeps, may have had the last word.
RULES = """
with held as materialized (
    select * from unnest($2::text[], $3::date[], $4::date[], $5::smallint[], $6::text[])
        h(rule, begins, ends, scenario, reason)
), paid as (
    select account, event_key, scenario, reason, rule, (occurred_at at time zone $7)::date as day
    from ledger_entry where line = 0 and cause = 'payment'
)
select p.account, format('rule of event %s', encode(p.event_key, 'hex')) as what,
    case when h.rule is null and p.rule is null then 'unclassified'
        when h.rule is null then 'a rule in force on ' || p.day
        when h.scenario is null then h.reason
        else 'scenario ' || h.scenario
    end as expected,
    format('%s by %s', coalesce('scenario ' || p.scenario, p.reason), coalesce(p.rule, 'no rule'))
        as found
from paid p
left join held h on h.rule = p.rule and p.day >= h.begins and p.day < h.ends
where not coalesce(case
    when p.rule is null then p.scenario is null and p.reason = 'unclassified'
    when h.scenario is null then p.scenario is null and p.reason = h.reason
    when p.scenario is null then p.reason in
        ('channel_earns_nothing', 'quantity_missing', 'quantity_out_of_range')
    else p.scenario = h.scenario
end, false)
order by p.account, p.event_key
limit $1
"""
SUMS = """
with kept as (
    select month, scenario, sum(mg) as mg, sum(number) as number
    from (
        select month, scenario, amount_mg, payments from city_sum
        union all
        select u.* from city_change c, unnest(c.months, c.scenarios, c.amounts_mg, c.payments) u
    ) s(month, scenario, mg, number)
    group by month, scenario
), entered as (
    select date_trunc('month', day)::date as month, scenario, sum(amount_mg) as mg,
        count(*) filter (where line = 0) as number
    from ledger_entry where scenario is not null
    group by 1, 2
)
select null::bigint as account,
    format('city in %s, scenario %s', to_char(month, 'YYYY-MM'), scenario) as what,
    format('%s mg of %s payments', coalesce(e.mg, 0), coalesce(e.number, 0)) as expected,
    format('%s mg of %s payments', coalesce(k.mg, 0), coalesce(k.number, 0)) as found
from kept k full join entered e using (month, scenario)
where (coalesce(k.mg, 0), coalesce(k.number, 0)) <> (coalesce(e.mg, 0), coalesce(e.number, 0))
order by month, scenario
limit $1
"""
CUSTOMERS = f"""
with seen as (
    select account, year, bool_or(fell) as fell
    from city_change, unnest(accounts, years, fallen) u(account, year, fell)
    group by account, year
), {JUDGED}, kept as (
    select year, sum(customers) as customers
    from (
        select year, customers from city_customers
        union all
        select 0, customers from city_change
        union all
        select year, saves::integer - (exists (select from account_year y
            where y.account = j.account and y.year = j.year))::integer
        from judged j
    ) c
    group by year
), entered as (
    select year, count(*) as customers
    from (
        select extract(year from day)::integer as year, account
        from ledger_entry where scenario is not null
        group by 1, 2 having sum(amount_mg) > 0
        union all
        select 0, number from account where balance > 0
    ) a
    group by year
)
select null::bigint as account,
    case year when 0 then 'customers' else format('customers of %s', year) end as what,
    coalesce(e.customers, 0)::text as expected, coalesce(k.customers, 0)::text as found
from kept k full join entered e using (year)
where coalesce(k.customers, 0) <> coalesce(e.customers, 0)
order by year
limit $1
"""


async def checks(connection: Connection, zone: Zone) -> list[tuple[str, list[Any]]]:
    """The statements and their arguments after the limit."""
    held = await _held(connection)
    return [(RULES, [*held, zone.key]), (SUMS, []), (CUSTOMERS, [])]


async def _held(connection: Connection) -> list[list[Any]]:
    """The columns of `held`."""
    numbers = {scenario.code: scenario.number for scenario in methodology().scenarios()}
    rows: list[tuple[str, date, date, int | None, str | None]] = [
        (h.label, h.begins, h.ends, numbers[h.rule.scenario] if h.rule.scenario else None,
         h.rule.reason)
        for h in timeline(await rules.versions(connection))
    ]  # fmt: skip
    return [list(column) for column in zip(*rows, strict=True)]
