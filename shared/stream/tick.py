"""What happens by the clock: one leader-elected tick per service, through the posting path."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from shared import metrics
from shared.database import TRANSIENT, Pool
from shared.events.envelope import decode
from shared.stream import aside
from shared.stream.poster import Poster

TICK_SECONDS = 10.0
LOCK = "select pg_try_advisory_xact_lock(hashtext($1), 2)"

log = structlog.get_logger()


@dataclass(slots=True)
class Tick:
    """Runs the clock's work of one service; `committed` is told after each transaction."""

    poster: Poster[Any, Any]
    pool: Pool
    clock: Callable[[], datetime]
    committed: Callable[[], None] = lambda: None

    async def run(self, stop: asyncio.Event) -> None:
        """Tick until stopped; a lost database is waited for."""
        while not stop.is_set():
            try:
                await self.once()
            except TRANSIENT as error:
                log.warning("tick_waits", service=self.poster.service.name, error=repr(error))
            try:
                async with asyncio.timeout(TICK_SECONDS):
                    await stop.wait()
            except TimeoutError:
                pass

    async def once(self) -> bool:
        """One tick in one transaction; False when another process holds the lead."""
        service = self.poster.service
        async with self.pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(LOCK, service.name):
                return False
            now = self.clock()
            overdue = await connection.fetch(aside.OVERDUE, now)
            letters = [
                aside.dead_letter(
                    decode(row["raw"], strict=False),
                    row["account"],
                    "never_released",
                    f"waited {aside.PARKED_FOR.days} days for {row['waits_for']}",
                )
                for row in overdue
            ]
            await aside.bury(connection, letters, now)
            if service.tick is not None:
                await service.tick(connection, self.poster, now)
            parked = await connection.fetchval("select count(*) from parked")
        metrics.PARKED.labels(service.name).set(parked)
        self.committed()
        return True
