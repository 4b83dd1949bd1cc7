"""SQL of restatement: what stands, a page at a time, and the record of what was computed again."""

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime

import asyncpg

from services.industrial.domain.arrivals import READING
from services.industrial.domain.entries import Entry
from services.industrial.domain.facts import Fact
from services.industrial.domain.restatement import Restatement
from services.industrial.domain.state import State
from services.industrial.domain.years import YEAR_FIELDS, Year
from services.industrial.store.fuels import fuels_of
from services.industrial.store.load import (
    FACT_COLUMNS,
    FACTS,
    READING_BEFORE,
    fact_from,
    load_entries,
)
from services.industrial.store.registry import enterprises_of, meters_of
from shared.database import Connection
from shared.stream.service import Account

EVENTS_PER_PAGE = 2000
EVERY_YEAR = (1, 9999)

# Accounts by their number, so that it can be seen how many are left.
NEXT = """
select account, subject from subject
where account > $1 and ($2::text is null or subject = $2)
order by account limit $3
"""
COUNT = "select count(*) from subject where $1::text is null or subject = $1"
EVENTS = """
select distinct event_key from ledger_entry
where account = $1 and month between $2 and $3
    and extract(year from month)::int <> all($4::int[])
"""
PREVIOUS = f"""
select {FACT_COLUMNS}, q.event_key as reading
from (
    select $1::bigint as account, r.*
    from unnest($2::bytea[], $3::text[], $4::timestamptz[]) r(event_key, slot, ends)
) q
cross join lateral ({READING_BEFORE}) f
"""
YEARS = f"select year, {', '.join(YEAR_FIELDS)} from account_year where account = $1"
RECORD = """
insert into restatement
    (account, year, n, at, by, reason, closed, events, before_mg, after_mg, replaced, posted)
select $1, $2, coalesce(max(n), 0) + 1, $3, $4, $5, $6, $7, $8, $9, $10, $11
from restatement where account = $1 and year = $2
"""
LISTED = """
select year, n, at, by, reason, closed, events, before_mg, after_mg, replaced, posted
from restatement
where account = $1 and ($2::int is null or year = $2) and (year, n) > ($3, $4)
order by year, n limit $5
"""


async def accounts(
    connection: Connection, after: int, subject: str | None, limit: int
) -> list[tuple[int, str]]:
    """The next accounts, by number."""
    return [(row[0], row[1]) for row in await connection.fetch(NEXT, after, subject, limit)]


async def count(connection: Connection, subject: str | None) -> int:
    """How many accounts there are, of a subject or of all."""
    found: int = await connection.fetchval(COUNT, subject)
    return found


async def events(
    connection: Connection, account: int, year: int | None, but: Sequence[int], page: int
) -> AsyncIterator[list[bytes]]:
    """The events with entries in a year or in any but some, as they were when this began."""
    first, last = (year, year) if year else EVERY_YEAR
    span = (date(first, 1, 1), date(last, 12, 31))
    cursor = await connection.cursor(EVENTS, account, *span, list(but))
    while rows := await cursor.fetch(page):
        yield [row[0] for row in rows]


async def opened(connection: Connection, account: Account) -> State:
    """The registry and the sums of an account, without facts."""
    state = State(span=EVERY_YEAR)
    state.enterprises = await enterprises_of(connection, [account.subject])
    state.fuels = await fuels_of(connection, [account.subject])
    for year, *sums in await connection.fetch(YEARS, account.number):
        state.years[account.number, year] = Year(*sums)
    return state


async def page_of(
    connection: Connection, state: State, account: int, keys: Sequence[bytes]
) -> tuple[list[Fact], dict[bytes, Fact]]:
    """The standing facts of these events with their entries and meters; the readings before them."""
    rows = await connection.fetch(FACTS, [account] * len(keys), keys)
    facts = [fact for fact in map(fact_from, rows) if fact.stands()]
    await load_entries(connection, state, {(account, fact.key) for fact in facts})
    meters = {f.slot.partition(":")[2] for f in facts if f.kind == READING}
    state.meters |= await meters_of(connection, meters - state.meters.keys())
    registers = [fact for fact in facts if fact.starts is None]
    columns = [[getattr(fact, name) for fact in registers] for name in ("key", "slot", "ends")]
    before = await connection.fetch(PREVIOUS, account, *columns) if registers else []
    return facts, {row["reading"]: fact_from(row) for row in before}


async def append(connection: Connection, entries: Sequence[Entry]) -> None:
    """Add ledger entries."""
    await connection.copy_records_to_table("ledger_entry", records=entries, columns=Entry._fields)


async def record(
    connection: Connection,
    account: int,
    done: Restatement,
    closed: frozenset[int],
    why: tuple[str, str | None],
    now: datetime,
) -> None:
    """Keep what was computed again: who did it and why, for each year."""
    for year, changed in sorted(done.years.items()):
        figures = (changed.events, changed.before_mg, changed.after_mg)
        sets = (dict(changed.replaced), dict(changed.posted))
        await connection.execute(RECORD, account, year, now, *why, year in closed, *figures, *sets)


async def listed(
    connection: Connection, account: int, year: int | None, after: tuple[int, int], limit: int
) -> list[asyncpg.Record]:
    """What was computed again of an account, by year and in order."""
    return await connection.fetch(LISTED, account, year, *after, limit)
