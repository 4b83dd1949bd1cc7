"""The clock's look at completed days: what runs above its usual band is told, once.

The last three days are compared, so that readings that come two days late still count, and those
on which nobody looked, a week at the most. A few accounts at each tick, until all have been looked
at.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from services.industrial.domain import bands
from services.industrial.domain.bands import Above
from services.industrial.store import comparisons, loads
from services.industrial.store import warnings as store
from services.industrial.store.warnings import ToldDay
from shared.database import Connection
from shared.events.envelope import Outgoing
from shared.events.ids import derived_id
from shared.events.types import IndustrialWarning
from shared.units.amount import decimal_text
from shared.units.calendar import local_date

WARNING = "cn.tanzhang.industrial.warning.v1"
SOURCE = "urn:tanzhang:industrial"
# A day is looked at from two hours after its end, as most of its readings are here then.
GRACE = timedelta(hours=2)
DAYS_LOOKED_AT, DAYS_AT_MOST = 3, 7
ACCOUNTS_A_TICK = 10

Tick = Callable[[Connection, Any, datetime], Awaitable[None]]


def watching(zone: ZoneInfo) -> Tick:
    """The tick that tells of days above their band."""

    async def tick(connection: Connection, poster: Any, now: datetime) -> None:
        last = local_date(now - GRACE, zone) - timedelta(days=1)
        accounts = await store.due(connection, last, ACCOUNTS_A_TICK)
        if not accounts:
            return
        found: dict[str, list[Above]] = {}
        for number, subject, watched in sorted(accounts, key=lambda account: account[1]):
            if news := await _news(connection, number, subject, _days(watched, last), zone):
                found[subject] = news
        await _tell(connection, poster, found, now)
        await store.watch(connection, [number for number, _, _ in accounts], last)

    return tick


def _days(watched: date | None, last: date) -> list[date]:
    """The days to compare when those up to `watched` were looked at before, the newest first."""
    missed = (last - watched).days - 1 if watched else 0
    count = min(DAYS_LOOKED_AT + missed, DAYS_AT_MOST)
    return [last - timedelta(days=n) for n in range(count)]


async def _news(
    connection: Connection,
    account: int,
    enterprise_id: str,
    days: Sequence[date],
    zone: ZoneInfo,
) -> list[Above]:
    """The days above their band that were not told yet."""
    meters = await loads.meters_of_enterprise(connection, enterprise_id)
    tree = comparisons.parents(await comparisons.assets(connection, enterprise_id, max(days)))
    uses = await loads.day_uses(connection, account, meters, tree, days, zone)
    told = await store.told(connection, account, min(days))
    return [
        found
        for found in bands.all_above(uses, days)
        if (found.day, found.asset_id, found.carrier) not in told
    ]


async def _tell(
    connection: Connection, poster: Any, found: dict[str, list[Above]], now: datetime
) -> None:
    if not found:
        return
    locked = await poster.lock(connection, found)
    rows, outgoing = [], []
    for subject, news in found.items():
        account = locked[subject]
        for above in news:
            row = store.warning(above, account.number, account.epoch, account.next_sequence(), now)
            rows.append(row)
            outgoing.append(event(subject, row))
    await store.tell(connection, rows)
    await poster.save(connection, locked.values(), outgoing, now)


def event(subject: str, row: ToldDay) -> Outgoing:
    """What is told of a day; its id follows from account, day, asset and carrier."""
    data = IndustrialWarning(
        epoch=row.epoch,
        sequence=row.sequence,
        day=row.day.isoformat(),
        asset_id=row.asset_id or None,
        carrier=row.carrier,
        unit=row.unit,
        value=_plain(row.value),
        median=_plain(row.median),
        band=_plain(row.band),
        days=row.days,
        reason=bands.reason(row),
    )
    id = derived_id(WARNING, subject, row.day.isoformat(), row.asset_id, row.carrier)
    return Outgoing(WARNING, subject, id, SOURCE, row.told_at, data)


def _plain(value: Decimal) -> Decimal:
    return Decimal(decimal_text(round(value, 6)))
