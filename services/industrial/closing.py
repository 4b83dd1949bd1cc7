"""Closing a year, and opening it again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from services.industrial.domain.closing import waits_for_year
from services.industrial.store import closing as store
from services.industrial.store.closing import CLOSED, REOPENED, YearChange
from shared.database import Pool
from shared.stream.poster import Poster
from shared.units.calendar import local_date


class YearError(Exception):
    """A year that cannot be closed or opened; the text says why."""


class Closed(NamedTuple):
    """`before` is False when the year was closed by this; `waiting` events wait for it."""

    year: int
    before: bool
    accounts: int
    total_mg: int
    waiting: int


@dataclass(slots=True)
class Reopened:
    """What became of the events that waited. `before`: it was open, some were left over."""

    year: int
    before: bool
    accounts: int = 0
    posted: int = 0
    parked: int = 0
    refused: int = 0


async def close(
    pool: Pool, year: int, reason: str | None, by: str, now: datetime, zone: ZoneInfo
) -> Closed:
    """Close a year that is over: what would change it waits. YearError before its end.

    Waits until what is being posted is posted.
    """
    today = local_date(now, zone)
    if year >= today.year:
        raise YearError(
            f"{year} is not over: expected a year before {today.year}, as what is still to come "
            "for it would only wait"
        )
    async with pool.acquire() as connection, connection.transaction():
        before = year in await store.changing_years(connection)
        if not before:
            await store.change(connection, YearChange(year, CLOSED, reason, by, now))
        accounts, total = await store.sums(connection, year)
        return Closed(year, before, accounts, total, await store.waiting(connection, year))


async def reopen(
    pool: Pool, poster: Poster[Any, Any], year: int, reason: str, by: str, now: datetime
) -> Reopened:
    """Open a year and post what waited for it, an account at a time.

    When it fails on the way the year is open; running it again posts what is left. YearError when
    the year is not closed and nothing waits for it.
    """
    async with pool.acquire() as connection:
        async with connection.transaction():
            closed = year in await store.changing_years(connection)
            if closed:
                await store.change(connection, YearChange(year, REOPENED, reason, by, now))
        subjects = await store.waiting_accounts(connection, year)
        if not closed and not subjects:
            raise YearError(f"{year} is not closed")
        done = Reopened(year, not closed)
        for subject in subjects:
            async with connection.transaction():
                outcome = await poster.release(connection, subject, waits_for_year(year), now)
            done.accounts += 1
            done.posted += outcome.posted
            done.parked += outcome.parked
            done.refused += outcome.refused.total()
        return done
