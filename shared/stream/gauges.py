"""A service's own numbers, the city's: read by one process of the service and shown by it alone.

They are sums over all accounts, too dear for every process; and what a process showed before
another took over would stand for ever beside what is so now.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import asyncpg
import structlog

from shared import metrics
from shared.database import TRANSIENT, Connection, Pool
from shared.stream.leading import Part, lead
from shared.stream.waiting import wait

MEASURE_SECONDS = 60.0
MEASURE_SECONDS_MAX = 1800.0
# Measuring may take this part of the time: with 65 million accounts it is made less often.
SHARE_MAX = 0.02
RETRY_SECONDS = 5.0
# Sooner than who is silent loses the lead.
BEAT_SECONDS = 10.0
BEAT = "select 1"
# Sums over 65 million accounts may take longer than anything else may.
PATIENCE = "set local statement_timeout = '10min'"

Measure = Callable[[Connection], Awaitable[None]]

log = structlog.get_logger()


@dataclass(slots=True, frozen=True)
class Measurer:
    """Measures as long as it holds the lock of its service; without it, it shows nothing."""

    service: str
    measure: Measure
    pool: Pool

    async def run(self, stop: asyncio.Event) -> None:
        """Until stopped; a lost database is waited for."""
        while not stop.is_set():
            try:
                await self._session(stop)
            except TRANSIENT as error:
                log.warning("measuring_waits", service=self.service, error=repr(error))
            except Exception:
                # What only watches must not end what works.
                log.exception("measuring_failed", service=self.service)
                await wait(stop, MEASURE_SECONDS)
            finally:
                _show_nothing()
            await wait(stop, RETRY_SECONDS)

    async def _session(self, stop: asyncio.Event) -> None:
        """Measure again and again under the lock, unless another process holds it."""
        async with self.pool.acquire() as connection:
            if not await lead(connection, self.service, Part.MEASURING):
                return
            while not stop.is_set():
                began = time.monotonic()
                await self._once(connection)
                await _rest(connection, stop, pause(time.monotonic() - began))

    async def _once(self, connection: Connection) -> None:
        """Measure. What took all the time it may is not tried again sooner than what succeeded."""
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                await connection.execute(PATIENCE)
                await self.measure(connection)
        except asyncpg.QueryCanceledError as error:
            log.warning("measuring_waits", service=self.service, error=repr(error))
            _show_nothing()


def _show_nothing() -> None:
    for gauge in metrics.CITY:
        gauge.clear()


def pause(took_seconds: float) -> float:
    """Seconds until the next measuring after one that took so long."""
    return min(max(MEASURE_SECONDS, took_seconds / SHARE_MAX), MEASURE_SECONDS_MAX)


async def _rest(connection: Connection, stop: asyncio.Event, seconds: float) -> None:
    """Wait, and keep the connection awake meanwhile."""
    until = time.monotonic() + seconds
    while not stop.is_set() and (left := until - time.monotonic()) > 0:
        await wait(stop, min(left, BEAT_SECONDS))
        await connection.execute(BEAT)
