"""What a decision writes: one statement per table."""

from collections.abc import Sequence

from services.industrial.domain.entries import Entry
from services.industrial.domain.facts import Fact
from services.industrial.domain.months import MONTH_FIELDS, Deltas
from services.industrial.domain.state import Rows
from shared.database import Connection

FACTS = """
insert into fact (account, event_key, content_hash, source, event_id, kind, slot, starts, ends,
    time, quality, value, unit, data, claim, state, superseded_by, replaced_by)
select * from unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::text[], $5::text[], $6::text[],
    $7::text[], $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::text[],
    $12::numeric[], $13::text[], $14::jsonb[], $15::jsonb[], $16::text[], $17::bytea[],
    $18::bytea[])
"""

CHANGED = """
update fact f set state = c.state, superseded_by = c.superseded_by, replaced_by = c.replaced_by
from unnest($1::bigint[], $2::bytea[], $3::text[], $4::bytea[], $5::bytea[])
    c(account, event_key, state, superseded_by, replaced_by)
where f.account = c.account and f.event_key = c.event_key
"""

ENTRIES = """
insert into ledger_entry (account, event_key, line, caused_by, month, category, asset_id, meter_id,
    activity, quantity, unit, factor, factor_id, factor_set, factor_version, fallback, quality,
    amount_mg, reverses, cause, rule, sequence, posted_at)
select * from unnest($1::bigint[], $2::bytea[], $3::int[], $4::bytea[], $5::date[], $6::text[],
    $7::text[], $8::text[], $9::text[], $10::numeric[], $11::text[], $12::numeric[], $13::text[],
    $14::text[], $15::text[], $16::bool[], $17::text[], $18::bigint[], $19::int[], $20::text[],
    $21::text[], $22::bigint[], $23::timestamptz[])
"""

_SUMS = ", ".join(f"{name} = m.{name} + excluded.{name}" for name in MONTH_FIELDS)
MONTHS = f"""
insert into account_month as m (account, month, {", ".join(MONTH_FIELDS)})
select * from unnest($1::bigint[], $2::date[], $3::bigint[], $4::bigint[], $5::bigint[],
    $6::bigint[], $7::int[], $8::numeric[], $9::int[], $10::numeric[], $11::bigint[],
    $12::bigint[], $13::bigint[])
on conflict (account, month) do update set {_SUMS}
"""

FACTOR_SETS = """
insert into account_factor_set as s (account, year, factor_set, entries)
select * from unnest($1::bigint[], $2::int[], $3::text[], $4::bigint[])
on conflict (account, year, factor_set) do update set entries = s.entries + excluded.entries
"""


async def write(connection: Connection, rows: Rows) -> None:
    """Write the rows of a decision."""
    await _write_facts(connection, rows.facts)
    await _write_changed(connection, rows.changed)
    if rows.entries:
        await connection.execute(ENTRIES, *_columns(rows.entries))
        await _write_sums(connection, rows.deltas)


def _columns(entries: Sequence[Entry]) -> list[list[object]]:
    return [list(column) for column in zip(*entries, strict=True)]


async def _write_facts(connection: Connection, facts: Sequence[Fact]) -> None:
    if not facts:
        return
    columns = [[getattr(fact, name) for fact in facts] for name in Fact.__slots__]
    columns[Fact.__slots__.index("claim")] = [_stored_claim(fact) for fact in facts]
    await connection.execute(FACTS, *columns)


def _stored_claim(fact: Fact) -> dict[str, object] | None:
    # An object: asyncpg would take a list for a further dimension of the array.
    if fact.claim is None:
        return None
    rank, time, key, depth = fact.claim
    return {"rank": rank, "time": time.isoformat(), "key": key.hex(), "depth": depth}


async def _write_changed(connection: Connection, facts: Sequence[Fact]) -> None:
    if facts:
        names = ("account", "key", "state", "superseded_by", "replaced_by")
        columns = [[getattr(fact, name) for fact in facts] for name in names]
        await connection.execute(CHANGED, *columns)


async def _write_sums(connection: Connection, deltas: Deltas) -> None:
    months = deltas.months
    await connection.execute(
        MONTHS,
        [account for account, _ in months],
        [month for _, month in months],
        *([getattr(total, name) for total in months.values()] for name in MONTH_FIELDS),
    )
    sets = [
        (account, year, name, count)
        for (account, year), counts in deltas.sets.items()
        for name, count in counts.items()
        if count
    ]
    if sets:
        await connection.execute(FACTOR_SETS, *map(list, zip(*sets, strict=True)))
