"""Erasure of a personal account, told to points."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.personal import reports
from services.personal.handler import SOURCE
from shared import erasure
from shared.database import Connection, Pool
from shared.erasure import Erasure
from shared.events.envelope import Event, Outgoing
from shared.events.ids import derived_id
from shared.events.meaning import AHEAD
from shared.events.types import PersonalErased
from shared.settings import Settings
from shared.stream import accounts
from shared.stream.poster import Poster
from shared.stream.service import Account, Batch

ERASED = "cn.tanzhang.personal.erased.v1"
# A payment may be ahead of the clock, or be posted while the erasure waits for the account: what
# has been posted is older than the erasure, as far ahead as the door lets anything in.
LATEST = """
select greatest($2, max(least(occurred_at, $3))) from ledger_entry where account = $1 and line = 0
"""
# A bank knows its customer by the number of a payment, and may have made it of the token.
UNNAME = "update ledger_entry set event_id = null where account = $1 and event_id is not null"


async def erase(
    pool: Pool, poster: Poster[Any, Any], settings: Settings, subject: str, now: datetime
) -> bool:
    """Erase an account and tell points; False when nothing here says who it was."""
    async with pool.acquire() as connection, connection.transaction():
        # Unlike the poster's, this lock makes no account: another erasure may have been faster.
        account = (await accounts.lock_existing(connection, [subject])).get(subject)
        if account is None:
            return await erasure.forget_unread(connection, subject) > 0
        at = await connection.fetchval(LATEST, account.number, now, now + AHEAD)
        data = PersonalErased(epoch=account.epoch, sequence=account.next_sequence())
        id = derived_id(ERASED, subject, str(account.number))
        outgoing = Outgoing(ERASED, subject, id, SOURCE, now, data)
        await poster.save(connection, [account], [outgoing], now)
        await forget(connection, settings, account, Erasure(at, account.epoch, account.sequence))
    return True


async def forget(
    connection: Connection, settings: Settings, account: Account, done: Erasure
) -> None:
    """Forget whose a locked account is, and what would say it; remember when."""
    await reports.erase(connection, account.number)
    await connection.execute(UNNAME, account.number)
    await erasure.forget(connection, settings, account, done)


async def screen(
    settings: Settings, connection: Connection, events: Sequence[Event]
) -> Sequence[Event]:
    """Leave out payments of a time before the erasure of their account, or of its last payment."""
    return await erasure.screened(connection, settings, events, _is_older)


async def succeed(settings: Settings, connection: Connection, batch: Batch) -> None:
    """Accounts that are new under an erased name begin a new epoch."""
    fresh = {s: account for s, account in batch.accounts.items() if account.sequence == 0}
    for subject, erased in (await erasure.erasures(connection, settings, fresh)).items():
        erasure.succeed(fresh[subject], erased)


def _is_older(event: Event, erased: Erasure) -> bool:
    return event.time is not None and event.time <= erased.erased_at
