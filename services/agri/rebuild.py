"""Balances from the entries, and the state of every year, told again."""

from collections.abc import Sequence
from datetime import datetime

from services.agri import replay
from shared.database import Connection
from shared.events.envelope import Outgoing
from shared.settings import Settings
from shared.stream.service import Account

SUMS = """
select account, coalesce(sum(amount_mg) filter (where pathway <> 'gross'), 0)::bigint,
    max(sequence)
from ledger_entry where account = any($1::bigint[]) group by account
"""


async def rebuild(
    settings: Settings, connection: Connection, accounts: Sequence[Account], now: datetime
) -> list[Outgoing]:
    """The balances of locked accounts; the states of their years as they stand."""
    rows = await connection.fetch(SUMS, [account.number for account in accounts])
    sums = {row[0]: (row[1], row[2]) for row in rows}
    for account in accounts:
        account.balance, last = sums.get(account.number, (0, 0))
        account.sequence = max(account.sequence, last)
    named = [account for account in accounts if account.subject]
    return [e async for told in replay.announced_since(connection, named, now, now) for e in told]


async def rebuild_whole(connection: Connection) -> None:
    """Everything derived is of one account."""
