"""The SQL of questions: totals, entries and the region, all derived from the entries."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec

from services.agri.domain.account import Totals, totals
from services.agri.domain.records import Fact
from services.agri.domain.size import Size, size
from services.agri.store import posting
from shared.database import Connection
from shared.events.types import FarmRecord

TOTALS = """
select year, pathway, sum(amount_mg)::bigint from ledger_entry
where account = $1 and ($2::int is null or year = $2) group by year, pathway
"""
LATEST_YEAR = "select max(year) from fact where account = $1 and replaced_by is null"
FACTOR_SETS = """
select distinct e.factor_set || '@' || e.factor_version as label from ledger_entry e
where e.account = $1 and e.year = $2 and e.reverses is null and not exists (
    select from ledger_entry r
    where r.account = e.account and r.event_key = e.event_key and r.reverses = e.line)
order by label
"""
PADDY = """
select data from fact
where account = $1 and year = $2 and pathway = 'straw_return' and replaced_by is null
    and data @> '{"paddy": true}'
"""
STANDING = (
    posting.FACT
    + """
from fact f where account = $1 and ($2::int is null or year = $2) and replaced_by is null
"""
)
RECORDS = """
select count(*), count(*) filter (where data ->> 'evidence' is not null) from fact
where account = $1 and year = $2 and replaced_by is null
"""
DOCUMENTS = """
select * from (
    select data ->> 'evidence' as evidence, jsonb_agg(jsonb_build_object(
        'event', jsonb_build_object('source', source, 'id', event_id), 'year', year,
        'pathway', pathway, 'parcel_id', parcel_id, 'start', starts, 'end', ends,
        'replaced', replaced_by is not null) order by starts, event_key) as records,
        (array_agg(event_key order by starts, event_key))[1] as event_key, min(starts) as starts
    from fact
    where account = $1 and ($2::int is null or year = $2) and data ->> 'evidence' is not null
    group by data ->> 'evidence'
) document
where $3::date is null or (starts, event_key) > ($3, $4::bytea)
order by starts, event_key limit $5
"""
ENTRIES = """
select e.*, f.source, f.event_id, f.starts, f.data ->> 'evidence' as evidence,
    c.source as cause_source, c.event_id as cause_id
from ledger_entry e
join fact f on f.account = e.account and f.event_key = e.event_key
join fact c on c.account = e.account and c.event_key = e.cause
where e.account = $1 and ($2::int is null or e.year = $2)
    and ($3::bigint is null or (e.sequence, e.event_key, e.line) > ($3, $4::bytea, $5::int))
order by e.sequence, e.event_key, e.line
limit $6
"""
# A farm counts with its version at the end of the year, the first one in the years before it; it
# is covered by a record that stands.
REGION = """
with version as (
    select distinct on (farm_id) farm_id, type, district from farm
    order by farm_id, valid_from <= $1 desc,
        case when valid_from <= $1 then valid_from end desc, valid_from
), account_sum as (
    select account,
        sum(amount_mg) filter (where pathway = 'straw') as straw,
        sum(amount_mg) filter (where pathway = 'soil') as soil,
        sum(amount_mg) filter (where pathway = 'manure') as manure,
        sum(amount_mg) filter (where pathway = 'gross') as gross
    from ledger_entry where year = $2 group by account
), covered as (
    select distinct account from fact where year = $2 and replaced_by is null
)
select v.type, v.district, count(*) as farms, count(c.account) as covered,
    coalesce(sum(e.straw), 0)::bigint as straw, coalesce(sum(e.soil), 0)::bigint as soil,
    coalesce(sum(e.manure), 0)::bigint as manure, coalesce(sum(e.gross), 0)::bigint as gross
from version v
left join subject s on s.subject = v.farm_id
left join account_sum e on e.account = s.account
left join covered c on c.account = s.account
group by grouping sets ((type), (district), ())
order by type, district
"""


async def totals_by_year(
    connection: Connection, account: int, year: int | None = None
) -> dict[int, Totals]:
    """Totals of the years that have entries, or of one year."""
    amounts: dict[int, list[Any]] = defaultdict(list)
    for found, pathway, amount in await connection.fetch(TOTALS, account, year):
        amounts[found].append((pathway, amount))
    return {found: totals(amounts[found]) for found in sorted(amounts)}


async def sizes_by_year(
    connection: Connection, account: int, year: int | None = None
) -> dict[int, Size]:
    """How large the account was in the years that have records, or in one year."""
    facts: dict[int, list[Fact]] = defaultdict(list)
    for row in await connection.fetch(STANDING, account, year):
        fact = posting.fact_of(row)
        facts[fact.year].append(fact)
    return {found: size(facts[found]) for found in sorted(facts)}


async def records(connection: Connection, account: int, year: int) -> tuple[int, int]:
    """How many records of a year stand, and how many of them name their evidence."""
    [row] = await connection.fetch(RECORDS, account, year)
    return row[0], row[1]


async def documents(
    connection: Connection,
    account: int,
    year: int | None,
    after: tuple[date, bytes] | None,
    limit: int,
) -> Sequence[Any]:
    """What records name as evidence, each with them, in the order of (start, key) of the first."""
    return await connection.fetch(DOCUMENTS, account, year, *(after or (None, None)), limit)


async def latest_year(connection: Connection, account: int) -> int | None:
    """The last year with a record that stands."""
    found: int | None = await connection.fetchval(LATEST_YEAR, account)
    return found


async def factor_sets(connection: Connection, account: int, year: int) -> list[str]:
    """The factor sets (set@version) that the standing entries of a year were computed with."""
    return [row[0] for row in await connection.fetch(FACTOR_SETS, account, year)]


async def paddy_straw(connection: Connection, account: int, year: int) -> list[FarmRecord]:
    """The straw returned into flooded rice in a year."""
    rows = await connection.fetch(PADDY, account, year)
    return [msgspec.convert(row[0], FarmRecord) for row in rows]


async def entries(
    connection: Connection,
    account: int,
    year: int | None,
    after: tuple[int, bytes, int] | None,
    limit: int,
) -> Sequence[Any]:
    """Entries after (sequence, event key, line), in that order, with their events' names."""
    return await connection.fetch(ENTRIES, account, year, *(after or (None, None, None)), limit)


async def region(connection: Connection, year: int) -> Sequence[Any]:
    """Sums and counts by type, by district, and (both null) of the whole region."""
    return await connection.fetch(REGION, date(year, 12, 31), year)
