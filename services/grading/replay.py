"""Label changes announced before, as they were sent: for a broker that has lost them."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import msgspec

from services.grading.handler import outgoing
from shared.database import Connection
from shared.events.envelope import Outgoing
from shared.events.types import LabelChanged
from shared.stream.service import Account

EVENTS_AT_A_TIME = 1000

TOUCHED = """
select distinct account from label_history
where account = any($1::bigint[]) and decided_at >= $2
"""
SINCE = """
select account, data, decided_at from label_history
where account = any($1::bigint[]) and decided_at >= $2
order by account, epoch, sequence
"""


async def announced_since(
    connection: Connection, accounts: Sequence[Account], since: datetime, now: datetime
) -> AsyncIterator[list[Outgoing]]:
    """The changes of locked accounts decided since then, in order, with the ids they had."""
    subjects = {account.number: account.subject for account in accounts}
    cursor = await connection.cursor(SINCE, list(subjects), since)
    while rows := await cursor.fetch(EVENTS_AT_A_TIME):
        yield [
            outgoing(
                subjects[row["account"]],
                msgspec.convert(row["data"], LabelChanged, strict=False),
                row["decided_at"],
            )
            for row in rows
        ]
