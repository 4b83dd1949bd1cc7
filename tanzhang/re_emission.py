"""What a service has sent since a time, put into its outbox again from its ledger.

Reductions, movements of points and label changes get the ids and contents that they had; states
(accounts, tiers) are sent as they stand, with a new sequence. Either changes nothing for who has
them already. A lot of accounts is one transaction, under the locks that posting takes: what is
posted meanwhile comes after it, per account.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from importlib import import_module
from typing import Protocol, cast

from shared.database import Connection, open_pool
from shared.events.envelope import Outgoing
from shared.settings import Settings
from shared.stream import accounts, outbox
from shared.stream.service import Account

ACCOUNTS_PER_LOT = 500
COUNT = "select count(*) from subject"
# Accounts by their number: an erased one has no name any more, and nothing is said of it.
NEXT = "select account, subject from subject where account > $1 order by account limit $2"
BEFORE_ALL = -1


class Replay(Protocol):
    """The room `replay` of a service.

    `TOUCHED` selects those of the accounts $1 (bigint[]) that have sent something since $2;
    `announced_since` gives what those, locked, have sent, a bounded number of events at a time
    and in order per account, and saves the sequences that it takes.
    """

    TOUCHED: str

    def announced_since(
        self, connection: Connection, accounts: Sequence[Account], since: datetime, now: datetime
    ) -> AsyncIterator[list[Outgoing]]: ...


def _ignore(*_: int) -> None:
    pass


async def re_emit(
    settings: Settings,
    service: str,
    since: datetime,
    now: datetime,
    *,
    on_lot: Callable[[int, int, int], None] = _ignore,
    accounts_per_lot: int = ACCOUNTS_PER_LOT,
) -> int:
    """Put what a service has sent since `since` into its outbox; returns how many events.

    `on_lot` gets accounts looked at, accounts in all, and events so far. Can be run again after
    any failure. SettingsError without the service's database.
    """
    replay = cast(Replay, import_module(f"services.{service}.replay"))
    pool = await open_pool(settings.database(service), service, size=1)
    try:
        async with pool.acquire() as connection:
            looked_at, events, last = 0, 0, BEFORE_ALL
            total = await connection.fetchval(COUNT)
            while lot := await connection.fetch(NEXT, last, accounts_per_lot):
                subjects = dict(map(tuple, lot))
                async with connection.transaction():
                    events += await _lot(connection, replay, subjects, since, now)
                looked_at, last = looked_at + len(lot), lot[-1][0]
                on_lot(looked_at, max(total, looked_at), events)
            return events
    finally:
        await pool.close()


async def _lot(
    connection: Connection,
    replay: Replay,
    subjects: dict[int, str],
    since: datetime,
    now: datetime,
) -> int:
    touched = await connection.fetch(replay.TOUCHED, list(subjects), since)
    if not touched:
        return 0
    locked = await accounts.lock_existing(connection, [subjects[row[0]] for row in touched])
    events = 0
    async for outgoing in replay.announced_since(connection, list(locked.values()), since, now):
        await outbox.append(connection, outgoing, now)
        events += len(outgoing)
    return events
