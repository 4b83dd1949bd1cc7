"""Reading accounts: sums, entries with their lineage, comparisons, the region."""

from collections.abc import Sequence
from datetime import date

import asyncpg

from services.industrial.domain.entries import AVOIDED, ENERGY, PROCESS, PV, WATER
from services.industrial.domain.opportunities import Use
from services.industrial.domain.years import YEAR_FIELDS, Year
from shared.database import Connection

Cursor = tuple[date, bytes, int]
START: Cursor = (date(1, 1, 1), b"", -1)

SUMS = f"select {', '.join(YEAR_FIELDS)} from account_year where account = $1 and year = $2"
YEARS = "select year from account_year where account = $1 order by year"

ENTRIES = """
select e.*, f.source, f.event_id, f.starts, f.ends, f.kind, f.state,
    c.source as cause_source, c.event_id as cause_id
from ledger_entry e
join fact f on f.account = e.account and f.event_key = e.event_key
join fact c on c.account = e.account and c.event_key = e.caused_by
where e.account = $1 and e.month between $2 and $3 and (e.month, e.event_key, e.line) > ($4, $5, $6)
order by e.month, e.event_key, e.line
limit $7
"""

BREAKDOWN = """
select case when $4 then asset_id end as asset_id, case when $5 then activity end as carrier,
    case when $6 then month end as month, case when $5 then unit end as unit,
    sum(quantity) as quantity,
    coalesce(sum(amount_mg) filter (where category = 'energy'), 0)::bigint as energy_mg,
    coalesce(sum(amount_mg) filter (where category = 'process'), 0)::bigint as process_mg,
    coalesce(sum(amount_mg) filter (where category = 'avoided'), 0)::bigint as avoided_mg,
    coalesce(sum(amount_mg) filter (where category = 'pv_memo'), 0)::bigint as pv_mg
from ledger_entry
where account = $1 and month between $2 and $3 and category = any($7::text[])
group by 1, 2, 3, 4
having bool_or(amount_mg <> 0) and sum(amount_mg) <> 0 or sum(quantity) <> 0
"""

OUTPUTS = """
select month, sum(quantity) from ledger_entry
where account = $1 and month between $2 and $3 and category = 'output'
group by month
"""
USES = """
select asset_id, activity, unit, month, sum(quantity), sum(amount_mg)::bigint
from ledger_entry
where account = $1 and month between $2 and $3 and category = 'energy' and meter_id is not null
group by 1, 2, 3, 4
having sum(quantity) > 0 and sum(amount_mg) > 0
"""

REVIEWS = """
select s.subject, r.event_key, f.source, f.event_id, f.slot, r.reason, r.detail, r.state,
    r.opened_at
from review r
join subject s on s.account = r.account
join fact f on f.account = r.account and f.event_key = r.event_key
where ($1::text is null or s.subject = $1) and (s.subject, r.event_key) > ($2, $3)
order by s.subject, r.event_key
limit $4
"""

# Each enterprise as it was registered at the end of the year (or later, when not yet then).
REGION = """
with registered as (
    select distinct on (id) id, sector, district from enterprise
    order by id, (valid_from <= $2) desc, abs(valid_from - $2::date)
), sums as (
    select *, energy_readings || output_reports as reports from account_year where year = $1
), covering as (
    select * from sums where process_mg <> 0 or avoided_mg <> 0
        or jsonb_path_exists(reports, '$[*] ? (@ > 0)')
)
select r.sector, r.district, count(*) as enterprises, count(m.account) as covered,
    coalesce(sum(m.energy_mg), 0)::bigint as energy_mg,
    coalesce(sum(m.process_mg), 0)::bigint as process_mg,
    coalesce(sum(m.avoided_mg), 0)::bigint as avoided_mg,
    coalesce(sum(m.pv_mg), 0)::bigint as pv_mg
from registered r
left join subject s on s.subject = r.id
left join covering m on m.account = s.account
group by grouping sets ((), (r.sector), (r.district))
order by r.sector, r.district
"""


async def sums_of(connection: Connection, account: int, year: int) -> Year:
    """One account's year."""
    row = await connection.fetchrow(SUMS, account, year)
    return Year(*row) if row else Year()


async def years_of(connection: Connection, account: int) -> list[int]:
    """The years that have sums, in their order."""
    return [row[0] for row in await connection.fetch(YEARS, account)]


async def entries(
    connection: Connection, account: int, year: int | None, after: Cursor, limit: int
) -> list[asyncpg.Record]:
    """Entries in the order of (month, event, line), with the events behind them."""
    span = _span(year) if year else (date(1, 1, 1), date(9999, 1, 1))
    return await connection.fetch(ENTRIES, account, *span, *after, limit)


async def breakdown(
    connection: Connection, account: int, year: int, by: Sequence[str]
) -> list[asyncpg.Record]:
    """Sums of a year by any of asset, carrier and month."""
    flags = [name in by for name in ("asset", "carrier", "month")]
    shown = [ENERGY, PROCESS, AVOIDED, PV, WATER]
    return await connection.fetch(BREAKDOWN, account, *_span(year), *flags, shown)


async def uses(connection: Connection, account: int, year: int) -> list[Use]:
    """What the meters of each asset used of each carrier by month, with the account's output of that month."""
    outputs = {row[0]: row[1] for row in await connection.fetch(OUTPUTS, account, *_span(year))}
    rows = await connection.fetch(USES, account, *_span(year))
    return [
        Use(asset, carrier, unit, month, quantity, amount, outputs[month])
        for asset, carrier, unit, month, quantity, amount in rows
        if outputs.get(month, 0) > 0
    ]


async def reviews(
    connection: Connection, subject: str | None, after: tuple[str, bytes], limit: int
) -> list[asyncpg.Record]:
    """Readings held for review, of one enterprise or of all."""
    return await connection.fetch(REVIEWS, subject, *after, limit)


async def region(connection: Connection, year: int) -> list[asyncpg.Record]:
    """Totals of a year: of all, by sector, by district."""
    return await connection.fetch(REGION, year, date(year, 12, 31))


def _span(year: int) -> tuple[date, date]:
    return date(year, 1, 1), date(year, 12, 1)
