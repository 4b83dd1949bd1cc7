"""The registry as it was known at a time: before corrections that came later."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from services.industrial.domain.fuels import MeasuredFuel
from services.industrial.domain.registry import Asset, Enterprise, Meter
from shared.database import Connection

RecordT = TypeVar("RecordT", Enterprise, Asset, Meter, MeasuredFuel)

# Table and column of the id; the column of the enterprise.
_TABLES = {
    Enterprise: ("enterprise", "id", "id"),
    Asset: ("asset", "id", "enterprise_id"),
    Meter: ("meter", "id", "enterprise_id"),
    MeasuredFuel: ("measured_fuel", "carrier", "enterprise_id"),
}
KNOWN = """
select {columns} from {table} p
where p.{id} = $1 and p.recorded_at <= $2 and ($3::text is null or p.{owner} = $3)
union all
select {columns} from superseded s
cross join lateral jsonb_populate_record(null::{table}, s.record) p
where s.kind = '{table}' and s.id = $1 and s.recorded_at <= $2 and s.replaced_at > $2
    and ($3::text is null or s.enterprise_id = $3)
order by valid_from
"""

EVER = """
select {columns}, p.recorded_at as since, null::timestamptz as until
from {table} p where p.{id} = any($1::text[]) and p.{owner} = $2
union all
select {columns}, s.recorded_at, s.replaced_at from superseded s
cross join lateral jsonb_populate_record(null::{table}, s.record) p
where s.kind = '{table}' and s.id = any($1::text[]) and s.enterprise_id = $2
order by valid_from
"""


class Recorded(NamedTuple, Generic[RecordT]):
    """A version of a record, and from when until when it was what the registry said."""

    record: RecordT
    since: datetime
    until: datetime | None


async def ever(
    connection: Connection, kind: type[RecordT], ids: Collection[str], owner: str
) -> dict[str, list[Recorded[RecordT]]]:
    """The versions of these records of an enterprise, corrected ones too, by `valid_from`."""
    found: dict[str, list[Recorded[RecordT]]] = {}
    rows = await connection.fetch(_filled(EVER, kind), list(ids), owner) if ids else []
    for *values, since, until in rows:
        record = kind(*values)
        id = getattr(record, _TABLES[kind][1])
        found.setdefault(id, []).append(Recorded(record, since, until))
    return found


def known_then(recorded: Sequence[Recorded[RecordT]], at: datetime) -> list[RecordT]:
    """The versions that were known at a time; those of now when none was."""
    then = [r.record for r in recorded if r.since <= at and (r.until is None or at < r.until)]
    return then or [r.record for r in recorded if r.until is None]


async def known_at(
    connection: Connection, kind: type[RecordT], id: str, at: datetime, owner: str | None = None
) -> list[RecordT]:
    """The versions of a record as they were known then, oldest first; `owner`: its enterprise."""
    rows = await connection.fetch(_filled(KNOWN, kind), id, at, owner)
    return [kind(*row) for row in rows]


def _filled(query: str, kind: type[RecordT]) -> str:
    columns = ", ".join(f"p.{name}" for name in kind._fields)
    table, id, owner = _TABLES[kind]
    return query.format(columns=columns, table=table, id=id, owner=owner)
