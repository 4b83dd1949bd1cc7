"""The audit of the industrial ledger: every figure against the rows that it is made of."""

import asyncpg

from services.industrial.domain.entries import TAKEN_BACK
from shared.database import Connection
from shared.ledger import Finding
from shared.units.calendar import CITY, Zone

SERVICE = "industrial"

# A part of a split may be off by one from its own rounding, the event as a whole by none.
ENTRIES = """
select account, format('entry %s line %s', encode(event_key, 'hex'), line) as what,
    round(quantity * factor, 6) || ' mg' as expected, amount_mg || ' mg' as found
from ledger_entry
where abs(amount_mg - quantity * factor) > 1.000001
order by account, event_key, line
limit $1
"""

# Postings of one event by one cause at one time are rounded together: running difference, at most
# one half.
EVENTS = """
select account, format('event %s posted by %s', encode(event_key, 'hex'), encode(caused_by, 'hex'))
    as what, round(sum(quantity * factor), 6) || ' mg' as expected, sum(amount_mg) || ' mg' as found
from ledger_entry
where reverses is null
group by account, event_key, caused_by, posted_at
having abs(sum(amount_mg) - sum(quantity * factor)) > 0.500001
order by account, event_key
limit $1
"""

REVERSALS = """
select r.account, format('reversal %s line %s', encode(r.event_key, 'hex'), r.line) as what,
    coalesce((-e.amount_mg)::text, 'a line') || ' mg' as expected, r.amount_mg || ' mg' as found
from ledger_entry r
left join ledger_entry e
    on e.account = r.account and e.event_key = r.event_key and e.line = r.reverses
where r.reverses is not null and (e.line is null or e.reverses is not null
    or r.amount_mg <> -e.amount_mg or r.quantity <> -e.quantity)
order by r.account, r.event_key
limit $1
"""

# What stands has entries (a first register reading has none); what does not sums to zero.
FACTS = """
select f.account, format('%s event %s', f.state, encode(f.event_key, 'hex')) as what,
    '0 mg' as expected, sum(e.amount_mg) || ' mg' as found
from fact f
join ledger_entry e on e.account = f.account and e.event_key = f.event_key
where f.state <> 'posted'
group by f.account, f.event_key, f.state
having sum(e.amount_mg) <> 0 or sum(e.quantity) <> 0
order by f.account
limit $1
"""
MISSING = """
select f.account, format('posted event %s', encode(f.event_key, 'hex')) as what,
    'entries' as expected, 'none' as found
from fact f
where f.state = 'posted' and f.starts is not null and not exists (
    select from ledger_entry e where e.account = f.account and e.event_key = f.event_key)
order by f.account
limit $1
"""

_LIVE = "case when reverses is null then 1 else -1 end"
_USED = f"category = 'energy' and activity not in {TAKEN_BACK}"
_SUMS = {
    "energy_mg": "sum(amount_mg) filter (where category = 'energy')",
    "process_mg": "sum(amount_mg) filter (where category = 'process')",
    "avoided_mg": "sum(amount_mg) filter (where category = 'avoided')",
    "pv_mg": "sum(amount_mg) filter (where category = 'pv_memo')",
    "output": "sum(quantity) filter (where category = 'output')",
    "value_added": "sum(quantity) filter (where category = 'value_added')",
    **{
        f"{quality}_mg": f"sum(abs(amount_mg) * {_LIVE}) "
        f"filter (where {_USED} and quality = '{quality}')"
        for quality in ("actual", "estimated", "substituted")
    },
    "measured_mg": f"sum(abs(amount_mg) * {_LIVE}) "
    f"filter (where {_USED} and factor_set = 'measured')",
}
YEARS = f"""
with summed as (
    select account, extract(year from month)::int as year,
        {", ".join(f"coalesce({sql}, 0)::numeric as {name}" for name, sql in _SUMS.items())}
    from ledger_entry group by 1, 2
), stored as (
    select account, year, {", ".join(f"{name}::numeric" for name in _SUMS)} from account_year
)
select account, format('%s of %s', field, year) as what, expected::text, found::text
from summed s full join stored y using (account, year)
cross join lateral (values
    {", ".join(f"('{name}', coalesce(s.{name}, 0), coalesce(y.{name}, 0))" for name in _SUMS)}
) v(field, expected, found)
where expected <> found
order by account, year, field
limit $1
"""

# Standing readings and reports by month, emissions by month, standing entries by factor set.
COUNTS = f"""
with counted as (
    select account, to_char(month, '"energy_readings of "YYYY-MM') as what, sum({_LIVE}) as n
    from ledger_entry where {_USED} group by 1, 2
    union all
    select account, to_char(month, '"output_reports of "YYYY-MM'), sum({_LIVE})
    from ledger_entry where category = 'output' group by 1, 2
    union all
    select account, format('%s_months of %s', category, to_char(month, 'YYYY-MM')), sum(amount_mg)
    from ledger_entry where category in ('energy', 'process', 'avoided') group by 1, 2
    union all
    select account, format('entries of %s@%s in %s', factor_set, factor_version,
        to_char(month, 'YYYY')), sum({_LIVE})
    from ledger_entry
    where factor_set is not null and category in ('energy', 'process', 'avoided')
    group by 1, 2
), stored as (
    select account, format('energy_readings of %s-%s', year, to_char(month, 'FM00')) as what,
        n::bigint
    from account_year, jsonb_array_elements_text(energy_readings) with ordinality m(n, month)
    union all
    select account, format('output_reports of %s-%s', year, to_char(month, 'FM00')), n::bigint
    from account_year, jsonb_array_elements_text(output_reports) with ordinality m(n, month)
    union all
    select account, format('%s_months of %s-%s', category, year, to_char(month, 'FM00')), n::bigint
    from account_year, lateral (values ('energy', energy_months), ('process', process_months),
            ('avoided', avoided_months)) v(category, mg),
        jsonb_array_elements_text(mg) with ordinality m(n, month)
    union all
    select account, format('entries of %s in %s', name, year), n::bigint
    from account_year, jsonb_each_text(factor_sets) s(name, n)
)
select account, what, coalesce(c.n, 0)::text as expected, coalesce(s.n, 0)::text as found
from counted c full join stored s using (account, what)
where coalesce(c.n, 0) <> coalesce(s.n, 0)
order by account, what
limit $1
"""

BALANCES = """
select coalesce(a.number, e.account) as account, 'balance' as what,
    coalesce(e.total, 0) || ' mg' as expected, coalesce(a.balance, 0) || ' mg' as found
from account a
full join (
    select account, sum(case when category in ('energy', 'process') then amount_mg
        when category = 'avoided' then -amount_mg else 0 end) as total
    from ledger_entry group by account
) e on e.account = a.number
where coalesce(e.total, 0) <> coalesce(a.balance, 0)
order by 1
limit $1
"""

CHECKS = (ENTRIES, EVENTS, REVERSALS, FACTS, MISSING, YEARS, COUNTS, BALANCES)
FINDINGS_MAX = 100


async def audit(connection: Connection, zone: Zone = CITY) -> list[Finding]:
    """Check the ledger; run it in one repeatable-read transaction. Empty when all agrees.

    At most 100 findings of each kind.
    """
    found: list[Finding] = []
    for check in CHECKS:
        rows = await connection.fetch(check, FINDINGS_MAX)
        found += [_finding(row) for row in rows]
    return found


def _finding(row: asyncpg.Record) -> Finding:
    return Finding(SERVICE, row["account"], row["what"], row["expected"], row["found"])
