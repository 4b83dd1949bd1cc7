"""The audit of the personal ledger: the rules said once more, in SQL, over all of its entries."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import asyncpg

from services.personal import audit_sums
from services.personal.audit_behaviours import BEHAVIOURS, DISPLACED, REPORTS
from shared.database import Connection
from shared.ledger import Finding
from shared.methodology import Scenario, methodology
from shared.units.calendar import CITY, Zone

SERVICE = "personal"
FINDINGS_MAX = 100

# The rule of every scenario on every day that has entries: joined by equality to what is many.
RULE = """rule as materialized (
    select d.scenario, d.day, r.code, r.formula, r.factor_mg, r.cap, r.monthly
    from (select distinct scenario, day from ledger_entry where scenario is not null) d
    left join unnest($2::smallint[], $3::date[], $4::date[], $5::text[], $6::text[],
        $7::numeric[], $8::numeric[], $9::boolean[])
        r(scenario, starts, ends, code, formula, factor_mg, cap, monthly)
        on r.scenario = d.scenario and d.day >= r.starts and d.day < r.ends
)"""

# Half-even, as PostgreSQL's round() is not. A saving is measured against the same month of the
# year before: the frame holds that one row or none.
SLOTS = f"""
with {RULE}, event as (
    select account, event_key, scenario, day,
        max(quantity) filter (where line = 0) as quantity,
        bool_or(cause = 'reversed') or {DISPLACED} as removed,
        sum(credited) as credited, sum(amount_mg) as amount
    from ledger_entry where scenario is not null
    group by account, event_key, scenario, day
), slot as (
    select account, scenario, day, sum(quantity) filter (where not removed) as live,
        sum(credited) as credited, sum(amount) as amount
    from event group by account, scenario, day
), measured as (
    select *, first_value(live) over (
        partition by account, scenario order by day
        range between interval '1 year' preceding and interval '1 year' preceding) as baseline
    from slot
), judged as (
    select m.account, m.scenario, m.day, r.code, m.credited, m.amount,
        case
            when r.code is null then null
            when r.formula = 'saving' then least(greatest(coalesce(m.baseline - m.live, 0), 0), r.cap)
            else least(coalesce(m.live, 0), r.cap)
        end as granted,
        m.credited * r.factor_mg as exact
    from measured m join rule r on r.scenario = m.scenario and r.day = m.day
), rounded as (
    select *, floor(exact) + case
        when exact - floor(exact) > 0.5
            or (exact - floor(exact) = 0.5 and mod(floor(exact), 2) <> 0) then 1
        else 0 end as milligrams
    from judged
)
select account, format('%s of %s: %s', coalesce(code, 'scenario ' || scenario), day, what) as what,
    coalesce(trim_scale(expected)::text, 'a known scenario') as expected,
    trim_scale(found)::text as found
from rounded
cross join lateral (values
    ('quantity credited', granted, credited), ('mg', milligrams, amount)
) v(what, expected, found)
where expected is distinct from found
order by account, scenario, day
limit $1
"""

# A payment counts on the city's day of its time, in the month for what is capped by month.
DAYS = f"""
with {RULE}
select e.account, format('day of event %s line %s', encode(event_key, 'hex'), line) as what,
    v.day::text as expected, e.day::text as found
from ledger_entry e
join rule r on r.scenario = e.scenario and r.day = e.day
cross join lateral (values (case
    when r.monthly then date_trunc('month', e.occurred_at at time zone $10)::date
    else (e.occurred_at at time zone $10)::date end)) v(day)
where v.day <> e.day
order by e.account, event_key, line
limit $1
"""

REMOVED = f"""
select account, format('%s event %s', case when bool_or(cause = 'reversed') then 'reversed'
    else 'displaced' end, encode(event_key, 'hex')) as what,
    '0 mg for 0' as expected, sum(amount_mg) || ' mg for ' || trim_scale(sum(credited)) as found
from ledger_entry
group by account, event_key
having (bool_or(cause = 'reversed') or {DISPLACED})
    and (sum(amount_mg) <> 0 or sum(credited) <> 0)
order by account, event_key
limit $1
"""

# Every reversal took back what it names, and nothing was taken back by anything else.
REVERSALS = """
with reversal as (
    select account, cause_key as payment, event_key as reversal
    from ledger_entry where cause = 'reversal'
), taken as (
    select account, event_key as payment, cause_key as reversal
    from ledger_entry where cause = 'reversed'
)
select account, format('event %s reversed by %s', encode(payment, 'hex'), encode(reversal, 'hex'))
    as what,
    'a reversal and what it took back' as expected,
    case when t.named is null then 'nothing taken back' else 'no reversal' end as found
from (select *, true as named from reversal) r
full join (select *, true as named from taken) t using (account, payment, reversal)
where r.named is null or t.named is null
order by account, payment
limit $1
"""

# What earned nothing has no slot and no figures.
WITHOUT_SLOT = """
select account, format('event %s line %s without scenario', encode(event_key, 'hex'), line) as what,
    '0 mg for 0' as expected, amount_mg || ' mg for ' || trim_scale(credited) as found
from ledger_entry
where scenario is null and (amount_mg <> 0 or credited <> 0)
order by account, event_key, line
limit $1
"""

BALANCES = """
select coalesce(a.number, e.account) as account, 'balance' as what,
    coalesce(e.total, 0) || ' mg' as expected, coalesce(a.balance || ' mg', 'no account') as found
from account a
full join (
    select account, sum(amount_mg) as total from ledger_entry group by account
) e on e.account = a.number
where coalesce(e.total, 0) is distinct from a.balance
order by 1
limit $1
"""


async def audit(connection: Connection, zone: Zone = CITY) -> list[Finding]:
    """Check the ledger; run it in one repeatable-read transaction. Empty when all agrees.

    Per account, scenario and day (month for household electricity): the quantity credited is
    min(sum of the payments that stand, cap), and the milligrams are factor x that, rounded once.
    A balance is the sum of its account's entries. Of the payments that report one behaviour the
    first that stands counts, and no other. Each payment has what its rule says on its day,
    and the city's sums are those of the ledger. At most 100 findings of each kind.
    """
    rules = _rules()
    checks: list[tuple[str, list[Any]]] = [
        (SLOTS, rules),
        (DAYS, [*rules, zone.key]),
        (REMOVED, []),
        (REVERSALS, []),
        (WITHOUT_SLOT, []),
        (BALANCES, []),
        (BEHAVIOURS, []),
        (REPORTS, []),
    ]
    checks += await audit_sums.checks(connection, zone)
    found: list[Finding] = []
    for sql, arguments in checks:
        found += map(_finding, await connection.fetch(sql, FINDINGS_MAX, *arguments))
    return found


def _finding(row: asyncpg.Record) -> Finding:
    return Finding(SERVICE, row["account"], row["what"], row["expected"], row["found"])


def _rules() -> list[Any]:
    """The columns of `rule`."""
    rows = [
        (s.number, starts, ends, s.code, s.formula, _decimal(s), s.cap, s.cap_period == "month")
        for starts, ends in _spans()
        for s in methodology().scenarios(starts)
    ]
    return [list(column) for column in zip(*rows, strict=True)]


def _spans() -> Iterator[tuple[date, date]]:
    """The periods [from, until) in which the same version of the scenarios holds."""
    changes = {date.min}
    for header in (d.header for d in methodology().files["scenarios"].documents):
        changes |= {header.valid_from, header.valid_to or header.valid_from}
    begins = sorted(changes)
    yield from zip(begins, [*begins[1:], date.max], strict=True)


def _decimal(scenario: Scenario) -> Decimal:
    factor = scenario.factor_mg
    return Decimal(factor.numerator) / Decimal(factor.denominator)
