"""Yearly expiry: points credited in one year are good until the end of the next.

First in, first out: what was spent was the oldest. A reversal takes what its own credit gave, and a
cancelled redemption is as if it had never been: returned points keep their year. One pass over the
accounts for each year and stage, a piece at each tick; whoever writes an account in between expires
what is overdue first, so that it does not matter how far the pass has come.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from services.points import domain, handler, moving
from services.points.domain import Moment
from services.points.moving import Moves
from shared.database import Connection
from shared.stream import accounts
from shared.stream.poster import Poster
from shared.stream.service import Account
from shared.units.calendar import CITY, Zone

EXPIRING = "cn.tanzhang.points.expiring.v1"
NOTICE = timedelta(days=30)
# For the pass itself, so that the last account has its notice in time too.
PASSING = timedelta(days=1)
ACCOUNTS_PER_TICK = 1000

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
# What was credited before $2 and not reversed, less all that was spent: the oldest points go first.
# Credits and reversals of one behaviour have the same `occurred_at`; a reversal takes the newer.
DUE = """
with behaviour as (
    select account,
        coalesce(sum(points) filter (where kind = 'credited' and posted_at < $2), 0) as old,
        coalesce(sum(points) filter (where kind = 'credited' and posted_at >= $2), 0) as new,
        coalesce(sum(points) filter (where kind = 'reversed'), 0) as reversed,
        sum(case kind when 'redeemed' then points when 'expired' then points
            when 'cancelled' then -points else 0 end) as spent
    from posting where account = any($1::bigint[]) group by account, occurred_at
)
select account, (sum(greatest(old - greatest(reversed - new, 0), 0)) - sum(spent))::bigint
from behaviour group by account
"""


@dataclass(slots=True, frozen=True)
class Run:
    """Points credited before `before` end when `year` begins; `stage` says what is done."""

    year: int
    stage: Literal["expiring", "expired"]
    before: datetime


def runs(at: Moment) -> list[Run]:
    """The passes that are due: this year's expiry, and from December next year's notice."""
    found = [_run(at.today.year, "expired", at)]
    if at.today >= date(at.today.year + 1, 1, 1) - NOTICE - PASSING:
        found.append(_run(at.today.year + 1, "expiring", at))
    return found


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


async def settle(account: Account, moves: Moves, *, notice: bool = False) -> None:
    """Expire what is overdue on a locked account now.

    `notice`: where the year's notice is out, say again what will expire.
    """
    for run in runs(moves.at):
        if notice or run.stage == "expired":
            await moves.write()
            await _do(run, [account], moves)


async def next_due(connection: Connection, number: int, balance: int, at: Moment) -> int:
    """Milli-points of an account that expire when the next year begins, if nothing else happens."""
    run = _run(at.today.year + 1, "expiring", at)
    return (await _due(connection, {number: balance}, run)).get(number, 0)


async def _due(connection: Connection, balances: Mapping[int, int], run: Run) -> dict[int, int]:
    """Milli-points by account number that are credited before the run's time and still there."""
    rows = await connection.fetch(DUE, list(balances), run.before)
    return {number: max(min(points, balances[number]), 0) for number, points in rows}


def _run(year: int, stage: Literal["expiring", "expired"], at: Moment) -> Run:
    return Run(year, stage, at.begin(date(year - 1, 1, 1)))


async def _do(run: Run, locked: Collection[Account], moves: Moves) -> None:
    balances = {account.number: account.balance for account in locked}
    amounts = await _due(moves.connection, balances, run)
    for account in locked:
        points = amounts.get(account.number, 0)
        if points > 0 and run.stage == "expired":
            key = moving.key_of(run.stage, run.year, account.number, account.sequence)
            moves.post(account, "expired", domain.expired(points), key, f"expired:{run.year}")
        elif points > 0:
            _announce(account, points, run, moves)


def _announce(account: Account, points: int, run: Run, moves: Moves) -> None:
    account.next_sequence()
    key = moving.key_of(run.stage, run.year, account.number, account.sequence)
    cause, due = f"expiring:{run.year}", date(run.year, 1, 1).isoformat()
    moves.outgoing.append(
        handler.moved(EXPIRING, account, points, cause, key, moves.at.now, due=due)
    )
