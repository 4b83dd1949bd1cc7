"""The city's own numbers: read by the tick's leader, at most once a minute.

They are sums over all accounts, too dear to be read at every tick.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from shared.database import Connection

EVERY = timedelta(minutes=1)

Measure = Callable[[Connection], Awaitable[None]]
Tick = Callable[[Connection, Any, datetime], Awaitable[None]]


def measured(measure: Measure, every: timedelta = EVERY) -> Tick:
    """A tick that measures at its first run and whenever `every` has passed."""
    last: datetime | None = None

    async def tick(connection: Connection, poster: Any, now: datetime) -> None:
        nonlocal last
        if last is None or now - last >= every:
            last = now
            await measure(connection)

    return tick
