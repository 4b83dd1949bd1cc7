"""A storm: faults of all kinds in a random order from a seed, many of them at once."""

import asyncio
import os
from collections.abc import Iterator, Mapping
from random import Random

from shared.settings import SERVICES
from tests.faults import injections
from tests.faults.injections import Injection
from tests.faults.stage import Stage
from tests.faults.table import Tally

# Kind of fault: how often among the others.
MIX: Mapping[str, tuple[int, Injection]] = {
    **{f"kill {service}": (2, injections.killed(service)) for service in SERVICES},
    "freeze a worker past its session": (1, injections.frozen),
    "freeze a worker with a batch in hand": (2, injections.zombie),
    "freeze a process for a moment": (2, injections.frozen_shortly),
    "kill the relay after its send": (3, injections.relay_interrupted),
    "kill a broker": (1, injections.broker_killed),
    "kill the leader of a payments partition": (2, injections.leader_killed),
    "freeze a broker": (1, injections.broker_frozen),
    "stop PostgreSQL immediately": (2, injections.database_stopped),
    "add a worker": (2, injections.worker_added),
    "remove a worker": (2, injections.worker_removed),
    "step a clock by hours": (2, injections.clock_stepped),
}
# How many faults a storm has; from LONG_FORM on, nothing is left out elsewhere either.
FAULTS = int(os.environ.get("TANZHANG_FAULTS") or 200)
LONG_FORM = 100
MEAN_SECONDS = 2.2
SECONDS_MAX = 6.0
AT_ONCE_MAX = 6
# Kinds that find nothing to do are drawn again; this often in all.
MISSES_PER_FAULT = 3


async def storm(stage: Stage, chance: Random, count: int, tally: Tally) -> None:
    """Inject `count` faults; returns when the last of them is over."""
    done, kinds = tally.injected, drawn(chance)
    under_way = misses = 0

    async def inject(kind: str, choice: Random) -> None:
        nonlocal under_way, misses
        began = tally.now()
        what = await MIX[kind][1](stage, choice)
        under_way -= 1
        if what is None:
            misses += 1
        else:
            tally.note(kind, what, began)

    async with asyncio.TaskGroup() as tasks:
        while len(done) < count:
            assert misses <= MISSES_PER_FAULT * count, f"{misses} faults found nothing to do"
            if under_way < min(AT_ONCE_MAX, count - len(done)):
                under_way += 1
                tasks.create_task(inject(next(kinds), Random(chance.random())))
            pause = chance.expovariate(1 / MEAN_SECONDS)
            await asyncio.sleep(min(pause, SECONDS_MAX))


def drawn(chance: Random) -> Iterator[str]:
    """Kinds without end: every one once, the rest of the mix, and again."""
    while True:
        first = list(MIX)
        rest = [kind for kind, (weight, _) in MIX.items() for _ in range(weight - 1)]
        chance.shuffle(first)
        chance.shuffle(rest)
        yield from first
        yield from rest
