"""What the ledger has told the world, told again: for a broker that has lost it."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from services.personal.handler import reduction
from services.personal.store import Entry
from shared.database import Connection
from shared.events.envelope import Outgoing
from shared.stream.service import Account

EVENTS_AT_A_TIME = 1000

TOUCHED = """
select distinct account from ledger_entry
where account = any($1::bigint[]) and sequence is not null and posted_at >= $2
"""
# The cause of a first line is its own event; of a later one, the first line of another event.
SINCE = f"""
select {", ".join(f"e.{name}" for name in Entry._fields)}, coalesce(c.event_id, e.event_id)
from ledger_entry e
left join ledger_entry c
    on c.account = e.account and c.event_key = e.cause_key and c.line = 0
where e.account = any($1::bigint[]) and e.sequence is not null and e.posted_at >= $2
order by e.account, e.sequence
"""


async def announced_since(
    connection: Connection, accounts: Sequence[Account], since: datetime, now: datetime
) -> AsyncIterator[list[Outgoing]]:
    """The reductions of locked accounts since then, as they were sent.

    Those of an erased account have nobody to be told of, and its erasure is not told again.
    """
    by_number = {account.number: account for account in accounts}
    cursor = await connection.cursor(SINCE, list(by_number), since)
    while rows := await cursor.fetch(EVENTS_AT_A_TIME):
        entries = [(Entry(*row[:-1]), row[-1]) for row in map(tuple, rows)]
        yield [reduction(by_number[entry.account], entry, cause) for entry, cause in entries]
