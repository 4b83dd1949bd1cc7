"""The peers of farms: the cut points of a year and type, each taking a version of its own."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

import asyncpg
import msgspec

from services.grading.domain import farm_peers
from services.grading.domain.farm_peers import FarmPeers
from services.grading.domain.rulebook import Rulebook
from shared.database import Connection
from shared.events.types import AgriAccount

COLUMNS = "year, type, version, per, farms, medium, deep, taken_at"
ALL_NEWEST = f"""
select distinct on (year, type) {COLUMNS} from farm_peers order by year, type, version desc
"""
NEWEST = f"""
select distinct on (year, type) {COLUMNS} from farm_peers
join unnest($1::int[], $2::text[]) w(year, type) using (year, type)
order by year, type, version desc
"""
STATES = """
select data from account_state
where kind = 'agri' and year < $2 and ($1::int[] is null or year = any($1))
"""
ADD = f"""
insert into farm_peers ({COLUMNS}, taken_by) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
SUBJECTS = """
select distinct s.subject from account_state a join subject s on s.account = a.account
join unnest($1::int[], $2::text[]) w(year, sector) using (year, sector)
where a.kind = 'agri'
"""
# A year and a type of farm.
Named = tuple[int, str]


async def newest(connection: Connection, named: Iterable[Named]) -> dict[Named, FarmPeers]:
    """The newest version of each of these years and types that has one."""
    pairs = sorted(set(named))
    rows = await connection.fetch(NEWEST, [p[0] for p in pairs], [p[1] for p in pairs])
    return _by_name(rows)


async def all_newest(connection: Connection) -> dict[Named, FarmPeers]:
    """The newest version of every year and type."""
    return _by_name(await connection.fetch(ALL_NEWEST))


async def moved(
    connection: Connection,
    years: Collection[int] | None,
    before: int,
    rules: Rulebook,
    now: datetime,
) -> list[FarmPeers]:
    """What the peers of these years (None: of all before `before`) would be now, where they differ.

    The first version of a year and type is taken once there are enough farms.
    """
    groups: dict[Named, list[AgriAccount]] = {}
    wanted = None if years is None else sorted(years)
    for (data,) in await connection.fetch(STATES, wanted, before):
        state = msgspec.convert(data, AgriAccount, strict=False)
        groups.setdefault((state.year, state.type), []).append(state)
    held = {
        named: peers
        for named, peers in (await all_newest(connection)).items()
        if peers.year < before and (years is None or peers.year in years)
    }
    found = []
    for named in sorted(groups.keys() | held.keys()):
        rule, known = rules.agri(named[1], named[0]), held.get(named)
        draft = farm_peers.taken(groups.get(named, []), rule, named, now)
        enough = known is not None or draft.farms >= rule.peers_needed
        if enough and not (known is not None and draft.says(known)):
            found.append(replace(draft, version=known.version + 1 if known else 1))
    return found


async def add(connection: Connection, peers: FarmPeers, client: str) -> None:
    """Append a version."""
    figures = peers.per, peers.farms, peers.medium, peers.deep
    key = peers.year, peers.type, peers.version
    await connection.execute(ADD, *key, *figures, peers.taken_at, client)


async def subjects(connection: Connection, named: Iterable[Named]) -> set[str]:
    """The farms with an account of these years and types."""
    pairs = sorted(set(named))
    rows = await connection.fetch(SUBJECTS, [p[0] for p in pairs], [p[1] for p in pairs])
    return {row[0] for row in rows}


def _by_name(rows: Iterable[asyncpg.Record]) -> dict[Named, FarmPeers]:
    return {(row["year"], row["type"]): FarmPeers(*row) for row in rows}
