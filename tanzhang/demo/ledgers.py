"""How far the ledgers are, from the databases themselves: no count that a killed process forgets."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from shared.database import Pool, open_pool
from shared.events.types import INPUTS
from shared.settings import DOMAIN_SERVICES, Settings

READERS = {
    "meter-readings": "industrial",
    "production-reports": "industrial",
    "process-activities": "industrial",
    "farm-records": "agri",
    "payments": "personal",
}
READ = """
select coalesce(sum(next_offset), 0)::bigint from consumer_offset where topic = any($1::text[])
"""
BALANCES = "select coalesce(sum(balance), 0)::bigint from account"
TOLD = "select coalesce(sum(sequence), 0)::bigint from account"
HEARD = """
select coalesce(sum(newest), 0)::bigint from (
    select max(sequence) as newest from account_state where kind = $1 group by account
) states
"""
DEAD_LETTERS = "select count(*) from dead_letter"
PARKED = "select count(*) from parked"
OUTBOX = "select coalesce(sum(rows), 0)::bigint from outbox"


@dataclass(frozen=True, slots=True)
class Ledgers:
    """The databases of a stack that began empty, with an empty broker."""

    settings: Settings
    pools: Mapping[str, Pool]

    async def read(self) -> dict[str, int]:
        """Events that each service has taken from its input topics, repeats included."""
        return {service: await self._read(service) for service in sorted(set(READERS.values()))}

    async def behind(self) -> list[str]:
        """What one service has told and the next one has not yet taken in, in sentences."""
        late = [
            f"{service} has {waiting:,} events to send"
            for service in DOMAIN_SERVICES
            if (waiting := await self._number(service, OUTBOX))
        ]
        for kind in ("industrial", "agri"):
            told = await self._number(kind, TOLD)
            heard = await self._number("grading", HEARD, kind)
            if told != heard:
                late.append(f"grading knows {heard:,} of {told:,} states of {kind} accounts")
        saved, credited = await self.saved_mg(), await self.points_milli()
        if saved != credited:
            late.append(f"points has {credited:,} of {saved:,} milli-points")
        return late

    async def saved_mg(self) -> int:
        """Milligrams in the personal ledger."""
        return await self._number("personal", BALANCES)

    async def points_milli(self) -> int:
        """Milli-points of all members."""
        return await self._number("points", BALANCES)

    async def dead_letters(self) -> int:
        return sum([await self._number(service, DEAD_LETTERS) for service in DOMAIN_SERVICES])

    async def parked(self) -> int:
        return sum([await self._number(service, PARKED) for service in DOMAIN_SERVICES])

    async def _read(self, service: str) -> int:
        names = [
            self.settings.topic(topic) for topic, reader in READERS.items() if reader == service
        ]
        return await self._number(service, READ, names)

    async def _number(self, service: str, sql: str, *arguments: object) -> int:
        return int(await self.pools[service].fetchval(sql, *arguments))


@asynccontextmanager
async def ledgers(settings: Settings) -> AsyncIterator[Ledgers]:
    """Connections to all databases for the length of the block."""
    async with AsyncExitStack() as stack:
        pools = {}
        for service in DOMAIN_SERVICES:
            pools[service] = await open_pool(settings.database(service), service, size=1)
            stack.push_async_callback(pools[service].close)
        yield Ledgers(settings, pools)


def reader(type: str) -> str:
    """The service that reads an input type."""
    return READERS[INPUTS[type][0]]


def missing(expected: Counter[str], read: Mapping[str, int]) -> list[str]:
    """What the services have not read yet, in sentences."""
    return [
        f"{service} has read {read[service]:,} of {count:,} events"
        for service, count in sorted(expected.items())
        if read[service] < count
    ]
