"""A lane's line to its receiver: connections, how many at once, entries of what was taken."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import httpx

from shared.database import Pool
from shared.webhooks import deliveries
from shared.webhooks.attempts import Post
from shared.webhooks.deliveries import Due, Taken

# At once to one receiver, of different subjects: at first, and to one that takes all it is sent.
WIDTH, WIDTH_MAX = 8, 32


class Made(NamedTuple):
    """An attempt that was entered, and when."""

    what: Due
    taken: bool
    at: datetime


@dataclass(slots=True)
class Line:
    """Lasts as long as its lane. `width` is how many deliveries its receiver gets at once."""

    post: Post
    pool: Pool
    subscription: UUID
    width: int = WIDTH
    _open: list[httpx.AsyncHTTPTransport] = field(default_factory=list)
    _taken: list[Taken] = field(default_factory=list)
    _entering: asyncio.Lock = field(default_factory=asyncio.Lock)

    def connection(self, slot: int) -> httpx.AsyncHTTPTransport:
        """The connection of this slot, from 0; connected when it is used."""
        while len(self._open) <= slot:
            self._open.append(self.post.transport())
        return self._open[slot]

    async def enter(self, taken: Taken) -> None:
        """Back when it is entered: together with what comes while another entry is under way.

        What could not be entered is tried again with the next of them.
        """
        self._taken.append(taken)
        async with self._entering:
            if taken in self._taken:
                together = self._taken.copy()
                await deliveries.delivered(self.pool, self.subscription, together)
                del self._taken[: len(together)]

    def learn(self, made: Sequence[Made], width: int) -> None:
        """From a round of so many at most: a receiver that took them all gets more at once."""
        if not all(one.taken for one in made):
            self.width = WIDTH
        elif len(made) == width:
            self.width = min(max(self.width, 2 * width), WIDTH_MAX)

    async def aclose(self) -> None:
        """End the connections."""
        for transport in self._open:
            await transport.aclose()
