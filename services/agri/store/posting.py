"""The SQL of posting: what a batch needs to know, and the rows it leaves."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any

import msgspec

from services.agri.domain.book import Book
from services.agri.domain.entries import Entry
from services.agri.domain.farms import Version
from services.agri.domain.lines import Line
from services.agri.domain.records import Fact, Reference
from services.agri.store import registry
from shared.database import Connection
from shared.events.types import FarmRecord

# The years of the batch's own records, those of the facts that they replace, and those of facts
# that have replaced these already (a refusal names them).
TOUCHED = """
with target as (
    select f.account, f.year, f.replaced_by from fact f
    join unnest($3::bigint[], $4::bytea[]) t(account, event_key) using (account, event_key)
), touched as (
    select account, year from unnest($1::bigint[], $2::int[]) u(account, year)
    union
    select account, year from target
    union
    select s.account, s.year from target t
    join fact s on s.account = t.account and s.event_key = t.replaced_by
)
"""
FACT = """
select f.account, f.event_key, f.content_hash, f.source, f.event_id, f.time, f.starts, f.ends,
    f.data, f.replaced_by
"""
ENTRY = """
select e.account, e.event_key, e.line, e.month, e.pathway, e.parcel_id, e.quantity, e.unit,
    e.factor, e.factor_set, e.factor_version, e.rule, e.amount_mg, e.reverses, e.cause, e.sequence
"""
TOUCHED_FACTS = TOUCHED + FACT + "from fact f join touched using (account, year)"
TOUCHED_ENTRIES = TOUCHED + ENTRY + "from ledger_entry e join touched using (account, year)"
ALL_FACTS = FACT + "from fact f"
ALL_ENTRIES = ENTRY + "from ledger_entry e"

INSERT_FACTS = """
insert into fact (account, event_key, content_hash, source, event_id, pathway, parcel_id, year,
    starts, ends, time, data, posted_at)
select *, $13 from unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::text[], $5::text[],
    $6::text[], $7::text[], $8::int[], $9::date[], $10::date[], $11::timestamptz[], $12::jsonb[])
"""
REPLACE = """
update fact f set replaced_by = r.replaced_by
from unnest($1::bigint[], $2::bytea[], $3::bytea[]) r(account, event_key, replaced_by)
where f.account = r.account and f.event_key = r.event_key
"""
INSERT_ENTRIES = """
insert into ledger_entry (account, event_key, line, year, month, pathway, parcel_id, quantity,
    unit, factor, factor_set, factor_version, rule, amount_mg, reverses, cause, sequence, posted_at)
select *, $18 from unnest($1::bigint[], $2::bytea[], $3::int[], $4::int[], $5::date[], $6::text[],
    $7::text[], $8::numeric[], $9::text[], $10::numeric[], $11::text[], $12::text[], $13::text[],
    $14::bigint[], $15::int[], $16::bytea[], $17::bigint[])
"""


@dataclass(slots=True)
class State:
    """What is known about a batch: the book of its years, and its registered farms."""

    book: Book = field(default_factory=Book)
    farms: dict[str, list[Version]] = field(default_factory=dict)


@dataclass(slots=True)
class Rows:
    """What a batch leaves: new facts, (fact, its successor) pairs, and entries."""

    now: datetime
    facts: list[Fact] = field(default_factory=list)
    replaced: list[tuple[Reference, bytes]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)


async def load(
    connection: Connection,
    subjects: Iterable[str],
    years: Iterable[tuple[int, int]],
    named: Iterable[Reference],
) -> State:
    """The farms of `subjects`; facts and entries of the (account, year) pairs and of `named`."""
    pairs, references = sorted(set(years)), sorted(set(named))
    key = (*_columns(pairs, 2), *_columns(references, 2))
    facts = await connection.fetch(TOUCHED_FACTS, *key)
    entries = await connection.fetch(TOUCHED_ENTRIES, *key)
    return State(book(facts, entries), await registry.farms(connection, subjects))


async def whole_book(connection: Connection) -> Book:
    """Every fact and entry of the service, for the audit and for rebuilding."""
    return book(await connection.fetch(ALL_FACTS), await connection.fetch(ALL_ENTRIES))


def book(facts: Sequence[Any], entries: Sequence[Any]) -> Book:
    """The book of stored rows."""
    known = {}
    replaced_by = {}
    for row in facts:
        fact = fact_of(row)
        known[fact.reference] = fact
        if row["replaced_by"] is not None:
            replaced_by[fact.reference] = row["replaced_by"]
    posted: dict[Reference, list[Entry]] = defaultdict(list)
    for row in entries:
        entry = _entry(row)
        posted[entry.reference].append(entry)
    return Book(known, replaced_by, dict(posted))


async def write(connection: Connection, rows: Rows) -> None:
    """Store a batch's rows, one statement per table and kind."""
    if rows.facts:
        facts = [_fact_row(fact) for fact in rows.facts]
        await connection.execute(INSERT_FACTS, *_columns(facts, 12), rows.now)
    if rows.replaced:
        replaced = [(*reference, successor) for reference, successor in rows.replaced]
        await connection.execute(REPLACE, *_columns(replaced, 3))
    if rows.entries:
        entries = [_entry_row(entry) for entry in rows.entries]
        await connection.execute(INSERT_ENTRIES, *_columns(entries, 17), rows.now)


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [[row[n] for row in rows] for n in range(width)]


def fact_of(row: Any) -> Fact:
    """The fact of a row of FACT."""
    account, key, content, source, id, time, starts, ends, data, _ = row
    record = msgspec.convert(data, FarmRecord)
    return Fact(account, key, content, source, id, time, starts, ends, record)


def _fact_row(fact: Fact) -> tuple[Any, ...]:
    record = fact.record
    return (
        fact.account,
        fact.key,
        fact.content,
        fact.source,
        fact.id,
        record.pathway,
        record.parcel_id,
        fact.year,
        fact.starts,
        fact.ends,
        fact.time,
        record,
    )


def _entry(row: Any) -> Entry:
    account, key, number, *line, reverses, cause, sequence = row
    return Entry(account, key, number, Line(*line), reverses, cause, sequence)


_line_values = attrgetter(*Line.__dataclass_fields__)


def _entry_row(entry: Entry) -> tuple[Any, ...]:
    head = (entry.account, entry.key, entry.number, entry.year)
    return (*head, *_line_values(entry.line), entry.reverses, entry.cause, entry.sequence)
