"""What the payments must come to by the oracle, computed beside other work."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from tanzhang.simulation import City, PaymentTotals, golden, payments
from tanzhang.simulation.oracle import account_mg

SAMPLE = 50
AT_A_TIME = 20


@dataclass(slots=True)
class Savings:
    """City totals, and milligrams by scenario of some accounts, drawn by the city's seed."""

    totals: PaymentTotals = field(default_factory=PaymentTotals)
    sample: dict[str, Counter[str]] = field(default_factory=dict)


async def savings(made: City) -> Savings:
    """The same as `City.payment_oracle`, in small steps so that posting goes on meanwhile."""
    found = Savings()
    found.totals.add(account_mg(golden.payment_events(made.year)))
    drawn = set(Random(f"{made.seed}:sample").choices(range(max(1, made.customers)), k=SAMPLE))
    for index in range(made.customers):
        if index % AT_A_TIME == 0:
            await asyncio.sleep(0)
        events = list(made.customer_events(index))
        if not events:
            continue
        saved = account_mg(events)
        found.totals.add(saved)
        if index in drawn and len(found.sample) < SAMPLE:
            found.sample[payments.account_id(made.seed, index)] = saved
    return found


@asynccontextmanager
async def computing(made: City, begin: asyncio.Event) -> AsyncIterator["asyncio.Task[Savings]"]:
    """Compute within the block, from `begin` on; `await` what it gives."""

    async def begun() -> Savings:
        await begin.wait()
        return await savings(made)

    task = asyncio.create_task(begun())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
