"""The registry's SQL: every version of a record stays."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import TypeVar

from services.industrial.domain.registry import Asset, Enterprise, Meter, on_date
from shared.database import Connection

RecordT = TypeVar("RecordT", Enterprise, Asset, Meter)

_ENTERPRISE = ", ".join(Enterprise._fields)
_ASSET = ", ".join(Asset._fields)
_METER = ", ".join(Meter._fields)

ENTERPRISES = f"""
select {_ENTERPRISE} from enterprise where id = any($1::text[]) order by id, valid_from
"""
METERS = f"select {_METER} from meter where id = any($1::text[]) order by id, valid_from"
ASSETS = f"""
select {_ASSET} from asset where enterprise_id = $1 and id = $2 order by valid_from
"""
ALL_ASSETS = f"select {_ASSET} from asset where enterprise_id = $1 order by id, valid_from"

PUT_ENTERPRISE = f"""
insert into enterprise ({_ENTERPRISE}, recorded_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (id, valid_from) do update set name = excluded.name, sector = excluded.sector,
    district = excluded.district, grid_region = excluded.grid_region, product = excluded.product,
    product_unit = excluded.product_unit, recorded_at = excluded.recorded_at
"""
PUT_ASSET = f"""
insert into asset ({_ASSET}, recorded_at) values ($1, $2, $3, $4, $5, $6, $7)
on conflict (enterprise_id, id, valid_from) do update set kind = excluded.kind,
    name = excluded.name, parent = excluded.parent, recorded_at = excluded.recorded_at
"""
PUT_METER = f"""
insert into meter ({_METER}, recorded_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
on conflict (id, valid_from) do update set carrier = excluded.carrier, unit = excluded.unit,
    kind = excluded.kind, multiplier = excluded.multiplier, register_max = excluded.register_max,
    rate_max = excluded.rate_max, asset_id = excluded.asset_id, recorded_at = excluded.recorded_at
"""


HAS_READINGS = "select exists (select from fact where account = $1 and slot = 'meter:' || $2::text)"
CORRECT_MEASURED = """
update meter set carrier = $2, unit = $3, kind = $4, recorded_at = $5 where id = $1
"""


async def enterprises_of(connection: Connection, ids: Iterable[str]) -> dict[str, list[Enterprise]]:
    """All versions of these enterprises, oldest first."""
    rows = await connection.fetch(ENTERPRISES, list(ids))
    return _by_id(Enterprise(*row) for row in rows)


async def meters_of(connection: Connection, ids: Iterable[str]) -> dict[str, list[Meter]]:
    """All versions of these meters, oldest first."""
    wanted = list(ids)
    if not wanted:
        return {}
    return _by_id(Meter(*row) for row in await connection.fetch(METERS, wanted))


async def lock_meter(connection: Connection, id: str) -> None:
    """Keep two enterprises from registering one meter at once; held until the transaction ends."""
    await connection.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", id)


async def has_readings(connection: Connection, account: int, meter_id: str) -> bool:
    """Has a reading of this meter of the account been posted?"""
    found: bool = await connection.fetchval(HAS_READINGS, account, meter_id)
    return found


async def correct_measured(connection: Connection, record: Meter, now: datetime) -> None:
    """Let all versions of a meter measure the same."""
    values = (record.carrier, record.unit, record.kind)
    await connection.execute(CORRECT_MEASURED, record.id, *values, now)


async def assets_of(connection: Connection, enterprise_id: str, id: str) -> list[Asset]:
    """All versions of an asset, oldest first."""
    return [Asset(*row) for row in await connection.fetch(ASSETS, enterprise_id, id)]


async def all_assets_of(connection: Connection, enterprise_id: str) -> dict[str, list[Asset]]:
    """All versions of all assets of an enterprise, oldest first."""
    return _by_id(Asset(*row) for row in await connection.fetch(ALL_ASSETS, enterprise_id))


async def put_enterprise(connection: Connection, record: Enterprise, now: datetime) -> None:
    """Store a version; one with the same `valid_from` is corrected."""
    await connection.execute(PUT_ENTERPRISE, *record, now)


async def put_asset(connection: Connection, record: Asset, now: datetime) -> None:
    """Store a version; one with the same `valid_from` is corrected."""
    await connection.execute(PUT_ASSET, *record, now)


async def put_meter(connection: Connection, record: Meter, now: datetime) -> None:
    """Store a version; one with the same `valid_from` is corrected."""
    await connection.execute(PUT_METER, *record, now)


def version(versions: Sequence[RecordT], on: date | None) -> RecordT | None:
    """The newest version, or the one in force on a day; None when there is none."""
    if not versions:
        return None
    if on is None:
        return versions[-1]
    return on_date(versions, on) if versions[0].valid_from <= on else None


def _by_id(records: Iterable[RecordT]) -> dict[str, list[RecordT]]:
    found: dict[str, list[RecordT]] = {}
    for record in records:
        found.setdefault(record.id, []).append(record)
    return found
