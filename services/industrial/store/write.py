"""What a decision writes: one statement per table."""

from collections.abc import Mapping, Sequence
from operator import attrgetter

from services.industrial.domain.entries import Entry
from services.industrial.domain.facts import Fact
from services.industrial.domain.state import Rows
from services.industrial.domain.years import YEAR_FIELDS, Year
from services.industrial.store import reviews
from shared.database import Connection

FACT_COLUMNS = (
    "account", "event_key", "content_hash", "source", "event_id", "kind", "slot", "starts", "ends",
    "time", "quality", "value", "unit", "data", "claim", "state", "superseded_by", "replaced_by",
)  # fmt: skip
_fact_row = attrgetter(*Fact.__slots__)
_CLAIM = Fact.__slots__.index("claim")

CHANGED = """
update fact f set state = c.state, superseded_by = c.superseded_by, replaced_by = c.replaced_by
from unnest($1::bigint[], $2::bytea[], $3::text[], $4::bytea[], $5::bytea[])
    c(account, event_key, state, superseded_by, replaced_by)
where f.account = c.account and f.event_key = c.event_key
"""

_SUMS = ", ".join(f"{name} = excluded.{name}" for name in YEAR_FIELDS)
YEARS = f"""
insert into account_year select * from unnest($1::account_year[])
on conflict (account, year) do update set {_SUMS}
"""
_year_row = attrgetter(*YEAR_FIELDS)


async def write(connection: Connection, rows: Rows) -> None:
    """Write the rows of a decision: new ones by COPY, as each event is known to be new."""
    await reviews.open_reviews(connection, rows.reviews)
    await reviews.settle(connection, rows.settled)
    facts = [_row(fact) for fact in rows.facts]
    await connection.copy_records_to_table("fact", records=facts, columns=FACT_COLUMNS)
    await _write_changed(connection, rows.changed)
    if rows.entries:
        await connection.copy_records_to_table(
            "ledger_entry", records=rows.entries, columns=Entry._fields
        )
        await write_years(connection, rows.years)


async def write_years(connection: Connection, years: Mapping[tuple[int, int], Year]) -> None:
    """Write the sums of account years."""
    rows = [(*key, *_year_row(sums)) for key, sums in years.items()]
    await connection.execute(YEARS, rows)


def _row(fact: Fact) -> tuple[object, ...]:
    row: tuple[object, ...] = _fact_row(fact)
    if fact.claim is None:
        return row
    rank, time, key, depth = fact.claim
    claim = {"rank": rank, "time": time.isoformat(), "key": key.hex(), "depth": depth}
    return (*row[:_CLAIM], claim, *row[_CLAIM + 1 :])


async def _write_changed(connection: Connection, facts: Sequence[Fact]) -> None:
    if facts:
        names = ("account", "key", "state", "superseded_by", "replaced_by")
        columns = [[getattr(fact, name) for fact in facts] for name in names]
        await connection.execute(CHANGED, *columns)
