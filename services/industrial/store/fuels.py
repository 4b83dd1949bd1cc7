"""SQL of measured fuel properties: every version stays."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from services.industrial.domain.fuels import Fuels, MeasuredFuel
from shared.database import Connection

_FUEL = ", ".join(MeasuredFuel._fields)

FUELS = f"""
select {_FUEL} from measured_fuel where enterprise_id = any($1::text[])
order by enterprise_id, carrier, valid_from
"""

PUT_FUEL = f"""
insert into measured_fuel ({_FUEL}, recorded_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (enterprise_id, carrier, valid_from) do update set ncv = excluded.ncv,
    ncv_unit = excluded.ncv_unit, carbon_content = excluded.carbon_content,
    oxidation = excluded.oxidation, enthalpy = excluded.enthalpy, evidence = excluded.evidence,
    recorded_at = excluded.recorded_at
"""


async def fuels_of(connection: Connection, enterprises: Iterable[str]) -> Mapping[str, Fuels]:
    """All versions of what these enterprises have measured, oldest first."""
    found: dict[str, dict[str, list[MeasuredFuel]]] = {}
    for row in await connection.fetch(FUELS, list(enterprises)):
        record = MeasuredFuel(*row)
        found.setdefault(record.enterprise_id, {}).setdefault(record.carrier, []).append(record)
    return found


async def put_fuel(connection: Connection, record: MeasuredFuel, now: datetime) -> None:
    """Store a version; one with the same `valid_from` is corrected."""
    await connection.execute(PUT_FUEL, *record, now)
