"""Label changes announced before, as they were sent: for a broker that has lost them."""

from datetime import datetime

import msgspec

from services.grading.handler import outgoing
from shared.database import Connection
from shared.events.envelope import Outgoing
from shared.events.types import LabelChanged

SINCE = """
select s.subject, h.data, h.decided_at
from label_history h join subject s on s.account = h.account
where h.decided_at >= $1
order by h.account, h.epoch, h.sequence
"""


async def announced_since(connection: Connection, since: datetime) -> list[Outgoing]:
    """The changes decided since then, in order per account, with the ids they had."""
    return [
        outgoing(
            row["subject"],
            msgspec.convert(row["data"], LabelChanged, strict=False),
            row["decided_at"],
        )
        for row in await connection.fetch(SINCE, since)
    ]
