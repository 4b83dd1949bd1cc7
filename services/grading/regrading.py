"""Labels decided anew without an account event: a benchmark has changed, a month has begun."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.grading import handler, store
from services.grading.domain.rulebook import LABELS, Rulebook
from services.grading.store import AccountState, Rows
from shared import metrics
from shared.database import Connection
from shared.stream.poster import Poster
from shared.units.calendar import month_of

RUNNING = """
select distinct s.subject from account_state a join subject s on s.account = a.account
where a.kind = 'industrial' and a.year >= $1
"""
LOOKED_AT = "select month from clock"
LOOK = """
insert into clock (one, month) values (true, $1)
on conflict (one) do update set month = excluded.month
"""
BY_LABEL = """
select kind, label, count(*)
from (
    select distinct on (account) kind, label
    from label order by account, label = 'ungraded', year desc
) current
group by kind, label
"""


@dataclass(slots=True, frozen=True)
class Regrader:
    """Regrades accounts under the rules, in the city's calendar."""

    rules: Rulebook
    zone: ZoneInfo

    async def regrade(
        self,
        connection: Connection,
        poster: Poster[Any, Any],
        subjects: Iterable[str],
        wanted: Callable[[AccountState], bool],
        cause: str,
        now: datetime,
    ) -> int:
        """Decide the wanted years of these accounts anew; returns how many labels changed.

        Runs in the caller's transaction, which may hold the accounts' locks already.
        """
        locked = await poster.lock(connection, subjects)
        await connection.execute(store.BENCHMARKS_STAND)
        held = await store.load(connection, [a.number for a in locked.values()], [])
        causes = {
            subject: {
                year: cause for year, state in held.states.get(subject, {}).items() if wanted(state)
            }
            for subject in locked
        }
        regraded = handler.regrade(locked, held, causes, now, self.rules, self.zone)
        await store.write(connection, Rows([], regraded.labels, regraded.history))
        await poster.save(connection, locked.values(), regraded.outgoing, now)
        return len(regraded.history)

    async def tick(self, connection: Connection, poster: Any, now: datetime) -> None:
        """Once a month: what was complete may not be, now that another month has gone by."""
        month = month_of(now, self.zone)
        if await connection.fetchval(LOOKED_AT) != month:
            rows = await connection.fetch(RUNNING, month.year - 1)
            subjects = [row[0] for row in rows]
            await self.regrade(
                connection,
                poster,
                subjects,
                lambda state: state.year >= month.year - 1,
                f"month:{month.isoformat()}",
                now,
            )
            await connection.execute(LOOK, month)
        await observe(connection)


async def observe(connection: Connection) -> None:
    """Set the gauge of accounts by their current label."""
    rows = await connection.fetch(BY_LABEL)
    counts = {(row[0], row[1]): row[2] for row in rows}
    for kind, labels in LABELS.items():
        for label in labels:
            metrics.CITY_LABELS.labels(kind, label).set(counts.get((kind, label), 0))
