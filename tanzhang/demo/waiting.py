"""Waiting until everything that was accepted is posted and passed on."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable

from tanzhang.demo.ledgers import Ledgers, missing
from tanzhang.stack import StackError, probes
from tanzhang.stack.supervisor import Stack

LOOK_SECONDS = 0.5


async def until_posted(
    stack: Stack,
    ledgers: Ledgers,
    expected: Counter[str],
    *,
    patience: float,
    on_progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Return when every service has read its `expected` events and all services are idle.

    StackError, saying what is missing, when nothing moves for `patience` seconds.
    """
    last, moved = None, time.monotonic()
    while True:
        read = await ledgers.read()
        on_progress(sum(min(read[service], count) for service, count in expected.items()))
        late = missing(expected, read) or await ledgers.behind()
        if not late:
            break
        if late != last:
            last, moved = late, time.monotonic()
        elif time.monotonic() - moved > patience:
            raise StackError(f"nothing has moved for {patience:.0f} s: {'; '.join(late)}")
        await asyncio.sleep(LOOK_SECONDS)
    urls = {name: stack.started.url(name) for name in stack.services if name != "ingest"}
    busy = await probes.drained(urls, patience)
    if busy:
        raise StackError(f"{', '.join(busy)} were still not idle after {patience:.0f} s")
