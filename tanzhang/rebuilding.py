"""All that a service derives from its append-only entries, computed again; a new epoch for it.

After a database was restored from a backup, its output sequences lie behind what consumers have
seen, who ignore what is not newer: the new epoch makes what it tells from now on newer than
anything that it has told. States are told again as they stand; reductions, which are no states, are
taken back where the ledger has lost them. A lot of accounts is one
transaction, under the locks that posting takes, so that the service may run.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import import_module
from typing import Protocol, cast

from services.personal import taking_back
from services.personal.taking_back import TakingBack
from shared.database import Connection, Pool
from shared.erasure import check_key
from shared.events.envelope import Outgoing
from shared.settings import Settings
from shared.stream import accounts, outbox
from shared.stream.service import Account
from tanzhang import topic_log

ACCOUNTS_PER_LOT = 500
BEFORE_ALL = -1
# An epoch is a 32-bit number: enough until 2088.
SECONDS_FROM = datetime(2020, 1, 1, tzinfo=UTC)
COUNT = "select count(*) from account"
NEXT = "select number from account where number > $1 order by number limit $2"
# Erased ones too: their entries are in the totals.
LOCK = """
select a.number, coalesce(s.subject, ''), a.epoch, a.sequence, a.balance
from account a left join subject s on s.account = a.number
where a.number = any($1::bigint[]) order by a.number for update of a
"""
# The epoch of accounts to come is the column's default.
NEWEST_EPOCH = """
select greatest((select max(epoch) from account), (
    select column_default::integer from information_schema.columns
    where table_schema = current_schema() and table_name = 'account' and column_name = 'epoch'))
"""
BEGIN_EPOCH = "alter table account alter column epoch set default {epoch}"


class Room(Protocol):
    """The room `rebuild` of a service.

    `rebuild` computes what is derived of locked accounts, their balances and sequences included
    (the caller saves these), and gives the states to be told. `rebuild_whole`, after all accounts and
    in a transaction of its own, does the same for what is not of one account.
    """

    async def rebuild(
        self,
        settings: Settings,
        connection: Connection,
        accounts: Sequence[Account],
        now: datetime,
    ) -> list[Outgoing]: ...

    async def rebuild_whole(self, connection: Connection) -> None: ...


def _ignore(*_: int) -> None:
    pass


async def rebuild(
    pool: Pool,
    settings: Settings,
    service: str,
    now: datetime,
    *,
    with_kafka: bool = True,
    on_lot: Callable[[int, int, int], None] = _ignore,
    accounts_per_lot: int = ACCOUNTS_PER_LOT,
) -> int:
    """Rebuild a service; returns how many events it tells.

    `on_lot` gets accounts done, accounts in all, and events so far. Can be run again after any
    failure, from the beginning. Without Kafka what was told and lost stays told.
    """
    room = cast(Room, import_module(f"services.{service}.rebuild"))
    async with pool.acquire() as connection:
        async with connection.transaction():
            epoch = await _begin_epoch(connection, now)
        events = 0
        if service == "personal" and with_kafka:
            events = await _take_back(connection, settings, epoch, now)
        done, last = 0, BEFORE_ALL
        total = await connection.fetchval(COUNT)
        while lot := await connection.fetch(NEXT, last, accounts_per_lot):
            numbers = [row[0] for row in lot]
            async with connection.transaction():
                events += await _lot(connection, room, settings, numbers, epoch, now)
            done, last = done + len(numbers), numbers[-1]
            on_lot(done, max(total, done), events)
        await room.rebuild_whole(connection)
    return events


async def _begin_epoch(connection: Connection, now: datetime) -> int:
    """Accounts made from now on are of a new epoch; gives it.

    It is the second of its beginning, so that a database that is restored from the same backup
    twice never takes an epoch of its other life.
    """
    newest = await connection.fetchval(NEWEST_EPOCH)
    epoch: int = max(int((now - SECONDS_FROM).total_seconds()), newest + 1)
    await connection.execute(BEGIN_EPOCH.format(epoch=epoch))
    return epoch


async def _take_back(connection: Connection, settings: Settings, epoch: int, now: datetime) -> int:
    """Take back the reductions that were told and are lost, before positions are moved on."""
    # Who was erased would not be known, and come back.
    check_key(settings)
    topic = settings.topic(taking_back.TOPIC)
    async with connection.transaction():
        since = await taking_back.begin(connection)
        work = TakingBack(settings, connection, epoch, now)
        for take in (work.erase_again, work.take_back):
            # Each looks anew: the log has grown meanwhile, and accounts with it.
            work.known.clear()
            log = (
                topic_log.beyond(settings, topic, {})
                if since is None
                else topic_log.since(settings, topic, since)
            )
            async for values in log:
                await take(values)
    return work.events


async def _lot(
    connection: Connection,
    room: Room,
    settings: Settings,
    numbers: Sequence[int],
    epoch: int,
    now: datetime,
) -> int:
    locked = [Account(*row) for row in await connection.fetch(LOCK, numbers)]
    for account in locked:
        account.epoch, account.changed = max(account.epoch, epoch), True
    told = await room.rebuild(settings, connection, locked, now)
    await accounts.save(connection, locked)
    await outbox.append(connection, told, now)
    return len(told)
