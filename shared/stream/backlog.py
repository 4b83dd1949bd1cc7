"""What waits in a service's database, for those who watch."""

import math
import time
from contextlib import suppress
from dataclasses import dataclass

from shared import metrics
from shared.database import Pool

COUNT_SECONDS = 60.0
GAUGES = (
    metrics.PARKED,
    metrics.PARKED_UNTIL,
    metrics.PARKED_RATIO,
    metrics.OUTBOX_AGE_SECONDS,
    metrics.DEAD_LETTERS_OPEN,
)
# `until` of a parked event is indexed; the oldest row of the outbox has its smallest id.
WAITING = """
select (select count(*) from parked) as parked,
    (select extract(epoch from min(until)) from parked) as until,
    (select extract(epoch from now() - created_at) from outbox order by id limit 1) as age
"""
# Read as a whole, so less often.
COUNTED = """
select (select max(number) from (select count(*) as number from parked group by source) s) as most,
    (select count(*) from dead_letter where replayed_at is null) as dead
"""


@dataclass(slots=True)
class Backlog:
    """Sets the gauges of parked events, dead letters and the outbox's age."""

    service: str
    pool: Pool
    parked_per_source: int
    _counted: float = -math.inf

    async def observe(self) -> None:
        """Look; what takes a whole table at most once a minute."""
        [(parked, until, age)] = await self.pool.fetch(WAITING)
        metrics.PARKED.labels(self.service).set(parked)
        metrics.PARKED_UNTIL.labels(self.service).set(math.inf if until is None else until)
        metrics.OUTBOX_AGE_SECONDS.labels(self.service).set(max(age or 0, 0))
        if time.monotonic() - self._counted >= COUNT_SECONDS:
            self._counted = time.monotonic()
            [(most, dead)] = await self.pool.fetch(COUNTED)
            metrics.PARKED_RATIO.labels(self.service).set(
                (most or 0) / max(self.parked_per_source, 1)
            )
            metrics.DEAD_LETTERS_OPEN.labels(self.service).set(dead)

    def forget(self) -> None:
        """What was seen before the database went may be so no more: others tell, or nobody."""
        self._counted = -math.inf
        for gauge in GAUGES:
            with suppress(KeyError):
                gauge.remove(self.service)
