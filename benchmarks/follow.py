"""Following payments through both ledgers, from the first one posted to the last points."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks import BenchmarkError
from benchmarks.options import Options
from benchmarks.processes import Usage
from benchmarks.profile import profiled
from benchmarks.stage import Stage
from shared.database import Connection

PATIENCE_SECONDS = 120
LOOK_SECONDS = (0.01, 0.2)

# Positions begin at 0: the topics are new.
READ = "select coalesce(sum(next_offset), 0)::bigint from consumer_offset"
TOLD = "select coalesce(sum(sequence), 0)::bigint from account"
FIRST = "select min(posted_at) from ledger_entry where posted_at >= $1"


@dataclass(slots=True, frozen=True)
class Run:
    """A measured run: how many payments in how many seconds, and what it took."""

    payments: int
    reductions: int
    seconds: float
    personal_seconds: float
    watched: int
    usage: Mapping[str, Usage]

    @property
    def rate(self) -> float:
        """Payments per second through both ledgers."""
        return self.payments / self.seconds

    @property
    def personal_rate(self) -> float:
        """Payments per second into the first ledger."""
        return self.payments / self.personal_seconds


async def chain(stage: Stage, options: Options, payments: int) -> Run:
    """Start both services on filled topics and follow them to the end.

    The points workers have their partitions before the personal ones begin, so that no time of
    joining counts. `payments` records lie in the topic.
    """
    async with AsyncExitStack() as stack:
        personal = await stack.enter_async_context(stage.connected("personal"))
        points = await stack.enter_async_context(stage.connected("points"))
        told_before = await personal.fetchval(TOLD)
        await stage.start("points", processes=options.workers)
        await stage.joined("points")
        since = datetime.now(UTC)
        await stage.start("personal", processes=options.workers)
        seen = await reach(stage, personal, 1)
        watch = stage.watch()
        watch.begin()
        stack.enter_context(profiled(options, stage, ("personal", "points")))
        await reach(stage, personal, payments)
        personal_done = time.time()
        reductions = await personal.fetchval(TOLD) - told_before
        await reach(stage, points, reductions)
        done = time.time()
        usage = watch.end()
        began = (await personal.fetchval(FIRST, since)).timestamp()
    return Run(payments, reductions, done - began, personal_done - began, payments - seen, usage)


async def reach(
    stage: Stage,
    connection: Connection,
    wanted: int,
    check: Callable[[], None] = lambda: None,
) -> int:
    """Wait until the workers of this database have read so many records; how many they have.

    Looks more often the nearer the end is. Gives up when nothing moves for long, or when `check`
    raises.
    """
    last, moved, began = -1, time.monotonic(), time.monotonic()
    first: int | None = None
    while (read := await connection.fetchval(READ)) < wanted:
        stage.check()
        check()
        now = time.monotonic()
        first = read if first is None else first
        if read != last:
            last, moved = read, now
        elif now - moved > PATIENCE_SECONDS:
            raise BenchmarkError(f"{read} of {wanted} records after {PATIENCE_SECONDS} s of rest")
        rate = (read - first) / (now - began) if now > began else 0.0
        left = (wanted - read) / rate if rate else 0.0
        await asyncio.sleep(min(max(left / 4, LOOK_SECONDS[0]), LOOK_SECONDS[1]))
    return int(read)
