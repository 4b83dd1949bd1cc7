"""What a batch needs to know: a handful of statements, whatever its size."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from services.industrial.domain.arrivals import ACTIVITY, READING, fact_of
from services.industrial.domain.entries import Entry
from services.industrial.domain.facts import Claim, Fact, Refused
from services.industrial.domain.state import Key, State
from services.industrial.domain.years import YEAR_FIELDS, Year
from services.industrial.store.closing import standing_years
from services.industrial.store.fuels import fuels_of
from services.industrial.store.registry import enterprises_of, meters_of
from services.industrial.store.reviews import known_of
from shared.database import Connection
from shared.stream.service import Batch
from shared.units.calendar import CITY

_DAY = timedelta(days=1)

# account, slot, start, end
Span = tuple[int, str, datetime, datetime]

FACT_COLUMNS = """f.account, f.event_key, f.content_hash, f.source, f.event_id, f.kind, f.slot,
    f.starts, f.ends, f.time, f.quality, f.value, f.unit, f.data, f.claim, f.state,
    f.superseded_by, f.replaced_by"""

FACTS = f"""
select {FACT_COLUMNS}
from unnest($1::bigint[], $2::bytea[]) t(account, event_key)
join fact f using (account, event_key)
"""

# Most readings are the latest of their meter: one look at the index on (account, slot, ends) says
# so. For the others it is read over the new interval only: standing intervals of a slot are
# disjoint, so what reaches over the new one's end is the first that ends after it.
# `offset 0` keeps the planner from looking later, and from joining on the slot alone: that would
# compare each reading with all that its meter ever had.
OVERLAPPING = f"""
select {FACT_COLUMNS}
from (
    select q.*
    from unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::timestamptz[])
        q(account, slot, starts, ends)
    cross join lateral (
        select from fact n
        where n.account = q.account and n.slot = q.slot and n.ends > q.starts limit 1
    ) later
    offset 0
) q
cross join lateral (
    (select * from fact n
    where n.account = q.account and n.slot = q.slot
        and n.ends > q.starts and n.ends <= q.ends and n.starts is not null
    offset 0)
    union all
    (select * from fact n
    where n.account = q.account and n.slot = q.slot and n.ends > q.ends
        and n.starts is not null and n.state = 'posted'
    order by n.ends limit 1)
) f
where f.starts < q.ends
"""

# The standing reading of a counter before q. Of one time, what a counter showed last is before what
# the one in its place shows first.
READING_BEFORE = """
    select * from fact p
    where p.account = q.account and p.slot = q.slot and p.ends < q.ends
        and p.starts is null and p.state = 'posted'
    order by p.ends desc, p.data->>'exchange' is not distinct from 'initial' desc limit 1
"""
NEIGHBOURS = f"""
with q as (
    select * from unnest($1::bigint[], $2::text[], $3::timestamptz[]) q(account, slot, ends)
)
select {FACT_COLUMNS}, true as affected
from q join fact f on f.account = q.account and f.slot = q.slot and f.ends = q.ends
where f.starts is null
union all
select {FACT_COLUMNS}, false
from q cross join lateral ({READING_BEFORE}) f
union all
select {FACT_COLUMNS}, true
from q cross join lateral (
    select * from fact n
    where n.account = q.account and n.slot = q.slot and n.ends > q.ends
        and n.starts is null and n.state = 'posted'
    order by n.ends, n.data->>'exchange' is not distinct from 'initial' limit 1
) f
"""

ENTRIES = f"""
select {", ".join(f"e.{name}" for name in Entry._fields)}
from unnest($1::bigint[], $2::bytea[]) t(account, event_key)
join ledger_entry e using (account, event_key)
order by e.account, e.event_key, e.line
"""

YEARS = f"""
select account, year, {", ".join(YEAR_FIELDS)} from account_year
where account = any($1::bigint[]) and year between $2 and $3
"""


async def load(connection: Connection, batch: Batch, *, zone: ZoneInfo = CITY) -> State:
    """The registry, neighbouring facts, their entries and the years of a batch."""
    state = State()
    arriving = _read(batch, state, zone)
    if not arriving:
        return state
    state.closed = await standing_years(connection)
    state.enterprises = await enterprises_of(connection, {e.subject for e in batch.events})
    state.meters = await meters_of(
        connection, {f.slot.partition(":")[2] for f in arriving if f.kind == READING}
    )
    if state.meters:
        state.fuels = await fuels_of(connection, state.enterprises)
    state.reviews = await known_of(connection, _reviewable(arriving, state))
    affected = await _load_targets(connection, state)
    affected |= await _load_overlapping(connection, state, arriving)
    affected |= await _load_neighbours(connection, state, arriving)
    await load_entries(connection, state, affected)
    await _load_years(connection, state, arriving)
    return state


def _read(batch: Batch, state: State, zone: ZoneInfo) -> list[Fact]:
    """The facts that the events report, and in the state why others report none."""
    facts = []
    for event in batch.events:
        account = batch.account(event).number
        try:
            fact = fact_of(event, account, zone)
        except Refused as refused:
            state.arriving.append((event, refused))
            continue
        state.arriving.append((event, fact))
        facts.append(fact)
        target = event.target()
        if target is not None:
            state.targets[account, event.key] = target
    return facts


def _reviewable(arriving: Iterable[Fact], state: State) -> set[Key]:
    """What may have been held: readings, and what they name."""
    keys = {(fact.account, fact.key) for fact in arriving if fact.kind == READING}
    return keys | {(account, target) for (account, _), target in state.targets.items()}


async def _load_targets(connection: Connection, state: State) -> set[Key]:
    if not state.targets:
        return set()
    named = {(account, target) for (account, _), target in state.targets.items()}
    rows = await connection.fetch(FACTS, [key[0] for key in named], [key[1] for key in named])
    return _keep(state, rows)


async def _load_overlapping(
    connection: Connection, state: State, arriving: Iterable[Fact]
) -> set[Key]:
    spans = covered(arriving)
    if not spans:
        return set()
    rows = await connection.fetch(OVERLAPPING, *map(list, zip(*spans, strict=True)))
    return _keep(state, rows)


def covered(arriving: Iterable[Fact]) -> list[Span]:
    """The time that new intervals cover in each slot: those that meet or overlap as one."""
    times: dict[tuple[int, str], list[tuple[datetime, datetime]]] = {}
    for fact in arriving:
        if fact.starts is not None and fact.kind != ACTIVITY:
            times.setdefault((fact.account, fact.slot), []).append((fact.starts, fact.ends))
    spans = []
    for (account, slot), intervals in sorted(times.items()):
        intervals.sort()
        first, last = intervals[0]
        for starts, ends in intervals:
            if starts > last:
                spans.append((account, slot, first, last))
                first = starts
            last = max(last, ends)
        spans.append((account, slot, first, last))
    return spans


async def _load_neighbours(
    connection: Connection, state: State, arriving: Iterable[Fact]
) -> set[Key]:
    """Of the new register readings and of those they name: equal time, before, after."""
    places = sorted(
        {
            (fact.account, fact.slot, fact.ends)
            for fact in [*arriving, *state.facts.values()]
            if fact.starts is None
        }
    )
    if not places:
        return set()
    rows = await connection.fetch(NEIGHBOURS, *map(list, zip(*places, strict=True)))
    _keep(state, rows)
    return {(row["account"], row["event_key"]) for row in rows if row["affected"]}


def _keep(state: State, rows: Sequence[asyncpg.Record]) -> set[Key]:
    found = set()
    for row in rows:
        key = (row["account"], row["event_key"])
        found.add(key)
        if key not in state.facts:
            state.facts[key] = fact_from(row)
    return found


def fact_from(row: asyncpg.Record) -> Fact:
    """The fact of a row that begins with FACT_COLUMNS."""
    values = list(row)[: len(Fact.__slots__)]
    fact = Fact(*values)
    fact.claim = _claim(row["claim"])
    return fact


def _claim(stored: dict[str, Any] | None) -> Claim | None:
    if stored is None:
        return None
    time, key = datetime.fromisoformat(stored["time"]), bytes.fromhex(stored["key"])
    return stored["rank"], time, key, stored["depth"]


async def load_entries(connection: Connection, state: State, affected: set[Key]) -> None:
    """Put all entries of these facts into the state."""
    if not affected:
        return
    state.entries = {key: [] for key in affected}
    rows = await connection.fetch(
        ENTRIES, [key[0] for key in affected], [key[1] for key in affected]
    )
    for row in rows:
        entry = Entry(*row)
        state.entries[entry.account, entry.event_key].append(entry)


async def _load_years(connection: Connection, state: State, arriving: Iterable[Fact]) -> None:
    """One span for all: a batch seldom reaches over two years. A city's day is a part of two."""
    facts = [*arriving, *state.facts.values()]
    first = min(fact.starts or fact.ends for fact in facts)
    last = max(fact.ends for fact in facts)
    months = [entry.month.year for lines in state.entries.values() for entry in lines]
    state.span = (
        min([(first - _DAY).year, *months]),
        max([(last + _DAY).year, *months]),
    )
    accounts = {fact.account for fact in facts}
    for account, year, *sums in await connection.fetch(YEARS, list(accounts), *state.span):
        state.years[account, year] = Year(*sums)
