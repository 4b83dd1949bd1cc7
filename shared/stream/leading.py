"""What one process of a service does at a time: publishing, sending, measuring. An advisory lock.

It is given back with the connection: a pool unlocks everything of a connection that it takes back,
and resets its settings.
"""

from enum import IntEnum

from shared.database import Connection

LOCK = "select pg_try_advisory_lock(hashtext($1), $2::integer)"
# Who stands still (frozen, cut off) loses the connection and with it the lead, so that another
# takes over. Longer than an acknowledgement usually takes: what waits longer is sent again, which
# harms nobody.
LEAVE_WHEN_SILENT = "set idle_session_timeout = '30s'"


class Part(IntEnum):
    """What is led; the tick's lock, of a transaction, is number 2."""

    PUBLISHING = 1
    SENDING = 3
    MEASURING = 4


async def lead(connection: Connection, service: str, part: Part) -> bool:
    """Take the lead until the connection is given back; False when another process has it."""
    if not await connection.fetchval(LOCK, service, part):
        return False
    await connection.execute(LEAVE_WHEN_SILENT)
    return True
