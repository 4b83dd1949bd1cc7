"""What a worker feeds: the posting path of a service, or whatever else reads topics exactly once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from shared.database import Connection
from shared.events.envelope import Event
from shared.stream.poster import Outcome


class Reading(Protocol):
    """Who reads: the consumer group's name, and the topics."""

    @property
    def name(self) -> str: ...

    @property
    def topics(self) -> tuple[str, ...]: ...


class Posting(Protocol):
    """What a worker feeds: it posts a batch within the worker's transaction."""

    @property
    def service(self) -> Reading: ...

    async def post(
        self, connection: Connection, events: Sequence[Event], now: datetime
    ) -> Outcome: ...
