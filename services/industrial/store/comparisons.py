"""What comparisons need: the assets of an enterprise, sums by month, reduction points acted on."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

import asyncpg

from services.industrial.domain.posted import Posted
from services.industrial.domain.registry import Asset
from shared.database import Connection

_ASSET = ", ".join(Asset._fields)

# Each asset as it was registered at the end of the period (or later, when not yet then).
ASSETS = f"""
select distinct on (id) {_ASSET} from asset where enterprise_id = $1
order by id, (valid_from <= $2) desc, abs(valid_from - $2::date)
"""
POSTED = """
select asset_id, category, activity, unit, month, meter_id is not null as metered,
    sum(quantity), sum(amount_mg)::bigint
from ledger_entry
where account = $1 and month >= date_trunc('month', $2::date) and month < $3
group by 1, 2, 3, 4, 5, 6
having sum(quantity) <> 0 or sum(amount_mg) <> 0
"""
# Where a reading or report over more than two months has left something. One that reaches into a
# third month has a third line, which the key alone tells.
SPREAD = """
with several as (
    select distinct event_key from ledger_entry where account = $1 and line >= 2
), standing as (
    select event_key, month
    from several join ledger_entry e using (event_key)
    where e.account = $1
    group by 1, 2 having sum(quantity) <> 0
), spread as (
    select event_key from standing
    group by 1 having max(month) > min(month) + interval '1 month'
)
select distinct asset_id, category, activity, unit, month, meter_id is not null
from spread join ledger_entry e using (event_key)
where e.account = $1 and month >= date_trunc('month', $2::date) and month < $3
"""

ADOPTIONS = """
select opportunity, since, note, baseline, recorded_by, recorded_at
from adoption where account = $1 order by since, opportunity
"""
ADOPT = """
insert into adoption (account, opportunity, since, note, baseline, recorded_by, recorded_at)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (account, opportunity) do nothing
returning opportunity
"""


class Adoption(NamedTuple):
    """A reduction point that was acted on, with the figures as they were before."""

    opportunity: str
    since: date
    note: str
    baseline: dict[str, Any]
    recorded_by: str
    recorded_at: datetime


async def assets(connection: Connection, enterprise_id: str, on: date) -> dict[str, Asset]:
    """The assets of an enterprise by id, as they were on a day."""
    rows = await connection.fetch(ASSETS, enterprise_id, on)
    return {row["id"]: Asset(*row) for row in rows}


async def posted(connection: Connection, account: int, first: date, until: date) -> list[Posted]:
    """Sums of the months that [first, until) touches."""
    return [Posted(*row) for row in await connection.fetch(POSTED, account, first, until)]


async def compared(connection: Connection, account: int, first: date, until: date) -> list[Posted]:
    """The same, with what is spread over months marked."""
    spread = {tuple(row) for row in await connection.fetch(SPREAD, account, first, until)}
    rows = await posted(connection, account, first, until)
    return [row._replace(spread=row[:6] in spread) for row in rows]


async def adoptions(connection: Connection, account: int) -> list[Adoption]:
    """What was acted on, oldest first."""
    return [Adoption(*row) for row in await connection.fetch(ADOPTIONS, account)]


async def adopt(connection: Connection, account: int, adoption: Adoption) -> bool:
    """Store it; False when it was stored before."""
    row: asyncpg.Record | None = await connection.fetchrow(ADOPT, account, *adoption)
    return row is not None


def parents(found: Mapping[str, Asset]) -> dict[str, str | None]:
    """What each asset hangs on."""
    return {id: asset.parent for id, asset in found.items()}


def kinds(found: Mapping[str, Asset]) -> dict[str, str]:
    return {id: asset.kind for id, asset in found.items()}
