"""What a batch needs to know: a handful of statements, whatever its size."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from services.industrial.domain.arrivals import ACTIVITY, READING, fact_of
from services.industrial.domain.entries import Entry
from services.industrial.domain.facts import Claim, Fact, Refused
from services.industrial.domain.months import MONTH_FIELDS, Month
from services.industrial.domain.state import Key, State
from services.industrial.store.registry import enterprises_of, meters_of
from shared.database import Connection
from shared.stream.service import Batch
from shared.units.calendar import CITY, local_date

FACT_COLUMNS = """f.account, f.event_key, f.content_hash, f.source, f.event_id, f.kind, f.slot,
    f.starts, f.ends, f.time, f.quality, f.value, f.unit, f.data, f.claim, f.state,
    f.superseded_by, f.replaced_by"""

FACTS = f"""
select {FACT_COLUMNS}
from unnest($1::bigint[], $2::bytea[]) t(account, event_key)
join fact f using (account, event_key)
"""

# Standing intervals of a slot are disjoint: what reaches over the end of the new one is the first
# that ends after it. So the index on (account, slot, ends) is read over the new interval only.
# `offset 0` keeps the planner from joining on the slot alone: with a batch of one meter that would
# compare each reading with all that the meter ever had.
OVERLAPPING = f"""
select {FACT_COLUMNS}
from unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::timestamptz[])
    q(account, slot, starts, ends)
cross join lateral (
    select * from fact n
    where n.account = q.account and n.slot = q.slot
        and n.ends > q.starts and n.ends <= q.ends and n.starts is not null
    offset 0
) f
union all
select {FACT_COLUMNS}
from unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::timestamptz[])
    q(account, slot, starts, ends)
cross join lateral (
    select * from fact n
    where n.account = q.account and n.slot = q.slot and n.ends > q.ends
        and n.starts is not null and n.state = 'posted'
    order by n.ends limit 1
) f
where f.starts < q.ends
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
from q cross join lateral (
    select * from fact p
    where p.account = q.account and p.slot = q.slot and p.ends < q.ends
        and p.starts is null and p.state = 'posted'
    order by p.ends desc limit 1
) f
union all
select {FACT_COLUMNS}, true
from q cross join lateral (
    select * from fact n
    where n.account = q.account and n.slot = q.slot and n.ends > q.ends
        and n.starts is null and n.state = 'posted'
    order by n.ends limit 1
) f
"""

ENTRIES = f"""
select {", ".join(f"e.{name}" for name in Entry._fields)}
from unnest($1::bigint[], $2::bytea[]) t(account, event_key)
join ledger_entry e using (account, event_key)
order by e.account, e.event_key, e.line
"""

MONTHS = f"""
select m.account, m.month, {", ".join(f"m.{name}" for name in MONTH_FIELDS)}
from unnest($1::bigint[], $2::date[], $3::date[]) q(account, first, last)
join account_month m on m.account = q.account and m.month between q.first and q.last
"""

FACTOR_SETS = """
select s.account, s.year, s.factor_set, s.entries
from unnest($1::bigint[], $2::int[], $3::int[]) q(account, first, last)
join account_factor_set s on s.account = q.account and s.year between q.first and q.last
"""


async def load(connection: Connection, batch: Batch, *, zone: ZoneInfo = CITY) -> State:
    """The registry, neighbouring facts, their entries and the years of a batch."""
    state = State()
    for event in batch.events:
        try:
            fact: Fact | Refused = fact_of(event, batch.account(event).number, zone)
        except Refused as refused:
            fact = refused
        state.arriving.append((event, fact))
    arriving = [fact for _, fact in state.arriving if isinstance(fact, Fact)]
    if not arriving:
        return state
    state.enterprises = await enterprises_of(connection, {e.subject for e in batch.events})
    state.meters = await meters_of(
        connection, {f.slot.partition(":")[2] for f in arriving if f.kind == READING}
    )
    affected = await _load_targets(connection, batch, state)
    affected |= await _load_overlapping(connection, state, arriving)
    affected |= await _load_neighbours(connection, state, arriving)
    await _load_entries(connection, state, affected)
    await _load_years(connection, state, arriving, zone)
    return state


async def _load_targets(connection: Connection, batch: Batch, state: State) -> set[Key]:
    named = {
        (batch.account(event).number, target)
        for event in batch.events
        if (target := event.target()) is not None
    }
    if not named:
        return set()
    rows = await connection.fetch(FACTS, [key[0] for key in named], [key[1] for key in named])
    return _keep(state, rows)


async def _load_overlapping(
    connection: Connection, state: State, arriving: Iterable[Fact]
) -> set[Key]:
    spans = sorted(
        {
            (fact.account, fact.slot, fact.starts, fact.ends)
            for fact in arriving
            if fact.starts is not None and fact.kind != ACTIVITY
        }
    )
    if not spans:
        return set()
    rows = await connection.fetch(OVERLAPPING, *map(list, zip(*spans, strict=True)))
    return _keep(state, rows)


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
            state.facts[key] = _fact(row)
    return found


def _fact(row: asyncpg.Record) -> Fact:
    values = list(row)[: len(Fact.__slots__)]
    fact = Fact(*values)
    fact.claim = _claim(row["claim"])
    return fact


def _claim(stored: dict[str, Any] | None) -> Claim | None:
    if stored is None:
        return None
    time, key = datetime.fromisoformat(stored["time"]), bytes.fromhex(stored["key"])
    return stored["rank"], time, key, stored["depth"]


async def _load_entries(connection: Connection, state: State, affected: set[Key]) -> None:
    if not affected:
        return
    state.entries = {key: [] for key in affected}
    rows = await connection.fetch(
        ENTRIES, [key[0] for key in affected], [key[1] for key in affected]
    )
    for row in rows:
        entry = Entry(*row)
        state.entries[entry.account, entry.event_key].append(entry)


async def _load_years(
    connection: Connection, state: State, arriving: Iterable[Fact], zone: ZoneInfo
) -> None:
    for fact in [*arriving, *state.facts.values()]:
        _reach(state, fact.account, _day(fact, fact.starts or fact.ends, zone))
        _reach(state, fact.account, _day(fact, fact.ends, zone))
    for lines in state.entries.values():
        for entry in lines:
            _reach(state, entry.account, entry.month)
    accounts = list(state.years)
    first = [years[0] for years in state.years.values()]
    last = [years[1] for years in state.years.values()]
    months = await connection.fetch(
        MONTHS, accounts, [date(y, 1, 1) for y in first], [date(y, 12, 1) for y in last]
    )
    for account, month, *totals in months:
        state.months[account, month] = Month(*totals)
    for row in await connection.fetch(FACTOR_SETS, accounts, first, last):
        sets = state.sets.setdefault((row["account"], row["year"]), {})
        sets[row["factor_set"]] = row["entries"]


def _day(fact: Fact, at: datetime, zone: ZoneInfo) -> date:
    return local_date(at, zone) if fact.kind == READING else at.astimezone(UTC).date()


def _reach(state: State, account: int, day: date) -> None:
    first, last = state.years.get(account, (day.year, day.year))
    state.years[account] = min(first, day.year), max(last, day.year)
