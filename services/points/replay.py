"""What the ledger has told the world, told again: for a broker that has lost it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime

import asyncpg

from services.points import handler, tiers
from services.points.moving import TYPES
from services.points.tiers import Standing
from shared.database import Connection
from shared.events.envelope import Outgoing
from shared.stream import accounts as engine_accounts
from shared.stream.service import Account

EVENTS_AT_A_TIME = 1000
TOUCHED = """
select account from posting where account = any($1::bigint[]) and posted_at >= $2
union
select account from tier where account = any($1::bigint[]) and changed_at >= $2
"""
SINCE = """
with moved as (
    select account, sequence, event_key, kind, cause, occurred_at, posted_at,
        sum(points)::bigint as points,
        sum(case 'member' when to_account then points when from_account then -points else 0 end)
            as change
    from posting where account = any($1::bigint[])
    group by account, sequence, event_key, kind, cause, occurred_at, posted_at
), balanced as (
    select *, sum(change) over (partition by account order by sequence)::bigint as balance
    from moved
)
select account, sequence, event_key, kind, cause, occurred_at, points, balance
from balanced where posted_at >= $2
order by account, sequence
"""
TIERS = """
select account, tier, trailing_mg from tier
where account = any($1::bigint[]) and changed_at >= $2
order by account
"""


async def announced_since(
    connection: Connection, accounts: Sequence[Account], since: datetime, now: datetime
) -> AsyncIterator[list[Outgoing]]:
    """The movements of locked accounts since then, as they were sent; then the tiers they have.

    Tiers are states and kept without their past: they are told with a sequence of now.
    """
    by_number = {account.number: account for account in accounts}
    cursor = await connection.cursor(SINCE, list(by_number), since)
    while rows := await cursor.fetch(EVENTS_AT_A_TIME):
        yield [_moved(by_number[row["account"]], row) for row in rows]
    yield [
        tiers.told(by_number[number], Standing(tier, trailing_mg), None, now)
        for number, tier, trailing_mg in await connection.fetch(TIERS, list(by_number), since)
    ]
    await engine_accounts.save(connection, accounts)


def _moved(account: Account, row: asyncpg.Record) -> Outgoing:
    then = replace(account, sequence=row["sequence"], balance=row["balance"])
    return handler.moved(
        TYPES[row["kind"]], then, row["points"], row["cause"], row["event_key"], row["occurred_at"]
    )
