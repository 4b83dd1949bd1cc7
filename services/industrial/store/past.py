"""The registry as it was known at a time: before corrections that came later."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar

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

_METER = ", ".join(f"p.{name}" for name in Meter._fields)
METERS_EVER = f"""
select {_METER}, p.recorded_at as since, null::timestamptz as until
from meter p where p.id = any($1::text[])
union all
select {_METER}, s.recorded_at, s.replaced_at from superseded s
cross join lateral jsonb_populate_record(null::meter, s.record) p
where s.kind = 'meter' and s.id = any($1::text[])
order by valid_from
"""


class Recorded(NamedTuple):
    """A version of a meter, and from when until when it was what the registry said."""

    meter: Meter
    since: datetime
    until: datetime | None


async def meters_ever(connection: Connection, ids: Collection[str]) -> dict[str, list[Recorded]]:
    """The versions of these meters, corrected ones too, by `valid_from`."""
    found: dict[str, list[Recorded]] = {}
    rows = await connection.fetch(METERS_EVER, list(ids)) if ids else []
    for *values, since, until in rows:
        meter = Meter(*values)
        found.setdefault(meter.id, []).append(Recorded(meter, since, until))
    return found


def known_then(recorded: Sequence[Recorded], at: datetime) -> list[Meter]:
    """The versions that were known at a time; those of now when none was."""
    then = [r.meter for r in recorded if r.since <= at and (r.until is None or at < r.until)]
    return then or [r.meter for r in recorded if r.until is None]


async def known_at(
    connection: Connection, kind: type[RecordT], id: str, at: datetime, owner: str | None = None
) -> list[RecordT]:
    """The versions of a record as they were known then, oldest first; `owner`: its enterprise."""
    columns = ", ".join(f"p.{name}" for name in kind._fields)
    table, key, owned_by = _TABLES[kind]
    query = KNOWN.format(columns=columns, table=table, id=key, owner=owned_by)
    return [kind(*row) for row in await connection.fetch(query, id, at, owner)]
