"""SIGKILL at random moments of the posting; the same seed gives the same moments."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from shared.settings import DOMAIN_SERVICES
from tanzhang.demo.ledgers import Ledgers
from tanzhang.stack.supervisor import Stack

LOOK_SECONDS = 0.1


@dataclass(slots=True)
class Killer:
    """`moments` are counts of events that the ledgers have read, the next one last."""

    stack: Stack
    chance: Random
    moments: list[int]
    killed: list[str] = field(default_factory=list)

    def look(self, read: int) -> None:
        """Kill for every moment that has passed, only what runs."""
        while self.moments and self.moments[-1] <= read:
            alive = [s for s in DOMAIN_SERVICES if self.stack.services[s].exit_code() is None]
            if not alive:
                return
            self.moments.pop()
            victim = self.chance.choice(alive)
            self.stack.kill(victim)
            self.stack.services[victim].process.wait()
            self.killed.append(victim)


def killer(stack: Stack, seed: int, kills: int, events: int) -> Killer:
    """Kills at random counts of the events."""
    chance = Random(f"{seed}:kills")
    moments = sorted((chance.randrange(max(1, events)) for _ in range(kills)), reverse=True)
    return Killer(stack, chance, moments)


@asynccontextmanager
async def killing(death: Killer, ledgers: Ledgers) -> AsyncIterator[None]:
    """Look at the ledgers for the length of the block, as long as there is somebody to kill."""

    async def look() -> None:
        while death.moments:
            death.look(sum((await ledgers.read()).values()))
            await asyncio.sleep(LOOK_SECONDS)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
