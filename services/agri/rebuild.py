"""Balances from the entries, and the state of every year, told again."""

from collections.abc import Sequence
from datetime import datetime

from services.agri import replay
from shared.database import Connection
from shared.events.envelope import Outgoing
from shared.settings import Settings
from shared.stream.accounts import sum_up
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
    await sum_up(connection, SUMS, accounts)
    named = [account for account in accounts if account.subject]
    return [e async for told in replay.announced_since(connection, named, now, now) for e in told]


async def rebuild_whole(connection: Connection) -> None:
    """Everything derived is of one account."""
