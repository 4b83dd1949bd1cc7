"""What happens by the clock: one leader-elected tick per service, through the posting path."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from shared import metrics
from shared.database import TRANSIENT, Connection, Pool
from shared.events.envelope import decode
from shared.stream import accounts, aside
from shared.stream.aside import DeadLetter, dead_letter
from shared.stream.backlog import Backlog
from shared.stream.poster import Poster
from shared.stream.waiting import wait

TICK_SECONDS = 10.0
EXPIRED_MAX = 1000
LOCK = "select pg_try_advisory_xact_lock(hashtext($1), 2)"

Step = Callable[[Connection, datetime], Awaitable[int]]
Work = Callable[[Connection, Any, datetime], Awaitable[None]]

log = structlog.get_logger()


@dataclass(slots=True)
class Tick:
    """Runs the clock's work of one service; `committed` is told after each transaction."""

    poster: Poster[Any, Any]
    pool: Pool
    clock: Callable[[], datetime]
    committed: Callable[[], None] = lambda: None
    backlog: Backlog = field(init=False)

    def __post_init__(self) -> None:
        name, per_source = self.poster.service.name, self.poster.parked_per_source
        self.backlog = Backlog(name, self.pool, per_source)

    async def run(self, stop: asyncio.Event) -> None:
        """Tick until stopped; a lost database is waited for."""
        self._done(self.clock())  # When nothing has been left undone by this process.
        while not stop.is_set():
            # Apart: work that cannot be done now must not hide what waits.
            for step in (self.once, self.look):
                try:
                    await step()
                except TRANSIENT as error:
                    log.warning("tick_waits", service=self.poster.service.name, error=repr(error))
            await wait(stop, TICK_SECONDS)

    async def look(self) -> None:
        """See what waits; nothing is shown while that cannot be seen."""
        try:
            await self.backlog.observe()
        except TRANSIENT:
            self.backlog.forget()
            raise

    async def once(self) -> bool:
        """One tick; False when another process holds the lead.

        Parking limits and each part of the service's own work are transactions apart: locks of
        one are not held during the next, and one that cannot be done now does not keep the next
        from being done. The first reason is raised after the last.
        """
        service, now = self.poster.service, self.clock()
        failed: list[Exception] = []
        steps: list[Step] = [self._expire, *(partial(self._work, work) for work in service.ticks)]
        for step in steps:
            try:
                expired = await self._lead(step, now)
            except TRANSIENT as error:
                failed.append(error)
                continue
            if expired is None:
                return False
            metrics.DEAD_LETTERS.labels(service.name, "never_released").inc(expired)
        if failed:
            raise failed[0]
        self._done(now)
        return True

    def _done(self, now: datetime) -> None:
        metrics.TICK_TIMESTAMP.labels(self.poster.service.name).set(now.timestamp())

    async def _lead(self, step: Step, now: datetime) -> int | None:
        """One step in one transaction: what it counts, None without the lead."""
        async with self.pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(LOCK, self.poster.service.name):
                return None
            counted = await step(connection, now)
        self.committed()
        return counted

    async def _work(self, work: Work, connection: Connection, now: datetime) -> int:
        await work(connection, self.poster, now)
        return 0

    async def _expire(self, connection: Connection, now: datetime) -> int:
        """Dead-letter what has been parked too long, under the locks that posting takes."""
        due = await aside.overdue(connection, now, EXPIRED_MAX)
        if not due:
            return 0
        await accounts.lock_numbers(connection, (account for account, _ in due))
        letters = [_never_released(*row) for row in await aside.expire(connection, due)]
        await aside.bury(connection, letters, now)
        return len(letters)


def _never_released(account: int, waits_for: str, raw: bytes) -> DeadLetter:
    detail = f"waited {aside.PARKED_FOR.days} days for {waits_for}"
    return dead_letter(decode(raw, strict=False), account, "never_released", detail)
