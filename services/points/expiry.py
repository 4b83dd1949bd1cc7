"""Yearly expiry: points credited in one year are good until the end of the next.

First in, first out: what was spent was the oldest. A reversed credit and a cancelled redemption are
as if they had never been: what expired of the one is not owed, what returns of the other keeps its
year. Nothing expires without its notice: where that could not be given in time, because the service
was down, the points are good for another year. One pass over the accounts for each year and stage,
a piece at each tick; whoever spends in between expires what is overdue first, so that it does not
matter how far the pass has come.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from services.points import aging, domain, handler, moving
from services.points.domain import Moment
from services.points.moving import Moves
from shared.database import Connection
from shared.stream import accounts
from shared.stream.poster import Poster
from shared.stream.service import Account
from shared.units.calendar import CITY, Zone

EXPIRING = "cn.tanzhang.points.expiring.v1"
NOTICE = timedelta(days=30)
# For the pass itself, so that the last account has its notice in time too, also after an outage.
PASSING = timedelta(days=7)
# So that a province's 65 million are told in that week: in some two days.
ACCOUNTS_PER_TICK = 5000

POSITION = """
insert into expiry_run (year, stage) values ($1, $2)
on conflict (year, stage) do update set year = excluded.year
returning position
"""
MOVE_ON = "update expiry_run set position = $3 where year = $1 and stage = $2"
NEXT = """
select a.number, s.subject from account a left join subject s on s.account = a.number
where a.number > $1 order by a.number limit $2
"""
PASSED = "select position from expiry_run where year = $1 and stage = 'expiring'"


@dataclass(slots=True, frozen=True)
class Run:
    """What expires when `year` begins; `stage` says what is done about it."""

    year: int
    stage: Literal["expiring", "expired"]


def runs(at: Moment) -> list[Run]:
    """The passes that are due: this year's expiry, and for a week next year's notice."""
    notice = Run(at.today.year + 1, "expiring")
    told = PASSING >= _last_notice(notice.year) - at.today > timedelta(0)
    return [Run(at.today.year, "expired"), *([notice] if told else [])]


async def tick(
    connection: Connection, poster: Poster[Any, Any], now: datetime, *, zone: Zone = CITY
) -> None:
    """Go on with the first pass that is not through."""
    at = Moment(now, zone)
    for run in runs(at):
        position = await connection.fetchval(POSITION, run.year, run.stage)
        rows = await connection.fetch(NEXT, position, ACCOUNTS_PER_TICK)
        if rows:
            subjects = [row[1] for row in rows if row[1]]
            locked = (await accounts.lock_existing(connection, subjects)).values()
            moves = await moving.begin(connection, poster, locked, at)
            await _do(run, locked, moves)
            await moves.save(locked)
            await connection.execute(MOVE_ON, run.year, run.stage, rows[-1][0])
            return


async def settle(account: Account, moves: Moves) -> None:
    """Expire what is overdue on a locked account now."""
    await moves.write()
    await _do(Run(moves.at.today.year, "expired"), [account], moves)


async def next_due(
    connection: Connection, number: int, balance: int, at: Moment
) -> tuple[int, date]:
    """Milli-points of an account that expire next, if nothing else happens, and on which day.

    That is when the next year begins, unless nobody told the account of it and it is too late.
    """
    age = (await aging.load(connection, [number], at.zone))[number]
    year = at.today.year + 1
    points = age.ending(year)
    if points and year not in age.announced and at.today >= _last_notice(year):
        year += 1
        points = age.ending(year)
    return min(points, balance), date(year, 1, 1)


async def announced(account: Account, moves: Moves) -> int | None:
    """What a locked account, to which the notice has been given, would be told now."""
    passed = await moves.connection.fetchval(PASSED, moves.at.today.year + 1)
    if passed is None or passed < account.number:
        return None
    await moves.write()
    points, _ = await next_due(moves.connection, account.number, account.balance, moves.at)
    return points


async def correct(account: Account, moves: Moves, before: int | None) -> None:
    """Say again what will expire, where something else was `announced` before."""
    points = await announced(account, moves)
    if before is not None and points and points != before:
        _announce(account, points, Run(moves.at.today.year + 1, "expiring"), moves)


def _last_notice(year: int) -> date:
    """The first day on which it is too late to tell what expires when `year` begins."""
    return date(year, 1, 1) - NOTICE


async def _do(run: Run, locked: Collection[Account], moves: Moves) -> None:
    numbers = [account.number for account in locked]
    ages = await aging.load(moves.connection, numbers, moves.at.zone)
    for account in locked:
        age = ages[account.number]
        if run.stage == "expired":
            _expire(account, age.overdue(run.year), run, moves)
        else:
            _announce(account, min(age.ending(run.year), account.balance), run, moves)


def _expire(account: Account, points: int, run: Run, moves: Moves) -> None:
    if points <= 0:
        return
    key = moving.key_of(run.stage, run.year, account.number, account.sequence)
    movements = domain.expired(points, account.balance)
    moves.post(account, "expired", movements, key, f"expired:{run.year}")


def _announce(account: Account, points: int, run: Run, moves: Moves) -> None:
    if points <= 0:
        return
    account.next_sequence()
    key = moving.key_of(run.stage, run.year, account.number, account.sequence)
    cause, due = f"expiring:{run.year}", date(run.year, 1, 1).isoformat()
    moves.outgoing.append(
        handler.moved(EXPIRING, account, points, cause, key, moves.at.now, due=due)
    )
