"""The SQL of the registry of farms."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from services.agri.domain.farms import Version
from shared.database import Connection

FARMS = """
select farm_id, valid_from, name, type, district from farm
where farm_id = any($1::text[]) order by farm_id, valid_from
"""
PUT = """
insert into farm (farm_id, valid_from, name, type, district, recorded_at)
values ($1, $2, $3, $4, $5, $6)
on conflict (farm_id, valid_from) do update
set name = excluded.name, type = excluded.type, district = excluded.district,
    recorded_at = excluded.recorded_at
"""


async def farms(connection: Connection, subjects: Iterable[str]) -> dict[str, list[Version]]:
    """The registered versions by farm id, in their order; unregistered farms are missing."""
    found: dict[str, list[Version]] = defaultdict(list)
    for farm_id, *version in await connection.fetch(FARMS, sorted(set(subjects))):
        found[farm_id].append(Version(*version))
    return dict(found)


async def put(connection: Connection, farm_id: str, version: Version, now: datetime) -> None:
    """Store a version; one of the same date is corrected, earlier and later ones stay."""
    await connection.execute(
        PUT, farm_id, version.valid_from, version.name, version.type, version.district, now
    )
