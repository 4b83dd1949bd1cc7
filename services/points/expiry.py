"""Yearly expiry: points credited in one year are good until the end of the next.

First in, first out: what was spent was the oldest. Announced 30 days before. One pass over the
accounts for each year and stage, a piece at each tick.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from services.points import domain, handler, store
from services.points.store import Rows, State
from shared.database import Connection
from shared.events.envelope import Outgoing
from shared.stream.poster import Poster
from shared.stream.service import Account
from shared.units.calendar import local_date, midnight

EXPIRED = "cn.tanzhang.points.expired.v1"
EXPIRING = "cn.tanzhang.points.expiring.v1"
NOTICE = timedelta(days=30)
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
# What was credited before, less everything that was spent since: the oldest points go first.
DUE = """
select account, sum(points * case
        when to_account = 'member' and kind = 'credited' then (posted_at < $2)::int
        when to_account = 'member' then 1
        when from_account = 'member' then -1
        else 0 end)::bigint
from posting where account = any($1::bigint[]) group by account
"""


@dataclass(slots=True, frozen=True)
class Run:
    """Points credited before `before` end with the start of `year`; `stage` says what is done."""

    year: int
    stage: Literal["expiring", "expired"]
    before: datetime


def runs(now: datetime) -> list[Run]:
    """The passes that are due: this year's expiry, and from December next year's notice."""
    today = local_date(now)
    found = [Run(today.year, "expired", midnight(date(today.year - 1, 1, 1)))]
    if today >= date(today.year + 1, 1, 1) - NOTICE:
        found.append(Run(today.year + 1, "expiring", midnight(date(today.year, 1, 1))))
    return found


async def tick(connection: Connection, poster: Poster[Any, Any], now: datetime) -> None:
    """Go on with the first pass that is not through."""
    for run in runs(now):
        position = await connection.fetchval(POSITION, run.year, run.stage)
        rows = await connection.fetch(NEXT, position, ACCOUNTS_PER_TICK)
        if rows:
            await _pass(connection, poster, run, [row[1] for row in rows if row[1]], now)
            await connection.execute(MOVE_ON, run.year, run.stage, rows[-1][0])
            return


async def _pass(
    connection: Connection, poster: Poster[Any, Any], run: Run, subjects: list[str], now: datetime
) -> None:
    accounts = (await poster.lock(connection, subjects)).values()
    numbers = [account.number for account in accounts]
    due = {row[0]: row[1] for row in await connection.fetch(DUE, numbers, run.before)}
    rows, outgoing = Rows(), []
    state = State(await store.load_claims(connection, numbers))
    for account in accounts:
        points = min(due.get(account.number, 0), account.balance)
        if points > 0 and run.stage == "expired":
            outgoing.append(_expire(rows, state, account, points, run, now))
        elif points > 0:
            outgoing.append(_announce(account, points, run, now))
    await poster.service.write(connection, rows)
    await poster.save(connection, accounts, outgoing, now)


def _expire(
    rows: Rows, state: State, account: Account, points: int, run: Run, now: datetime
) -> Outgoing:
    key, cause = _key(account, run), f"expired:{run.year}"
    movements = domain.expired(points)
    handler.apply(account, state.claims, rows.claims, movements)
    account.next_sequence()
    rows.postings += store.postings(account, key, "expired", movements, cause, now, now)
    return handler.moved(EXPIRED, account, points, cause, key, now)


def _announce(account: Account, points: int, run: Run, now: datetime) -> Outgoing:
    account.next_sequence()
    due, cause = date(run.year, 1, 1).isoformat(), f"expiring:{run.year}"
    return handler.moved(EXPIRING, account, points, cause, _key(account, run), now, due=due)


def _key(account: Account, run: Run) -> bytes:
    name = f"{run.stage}:{run.year}:{account.number}"
    return hashlib.blake2b(name.encode(), digest_size=16).digest()
