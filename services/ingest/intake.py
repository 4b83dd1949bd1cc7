"""Reading request bodies: bounded in memory for all clients together, and in time for each."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from shared.http.bodies import READ_SECONDS_MAX, received
from shared.http.problems import unavailable

EVENTS_BYTES_MAX = 8 * 1024 * 1024
BYTES_MAX = 32 * EVENTS_BYTES_MAX
RETRY_AFTER_S = 1


class Intake:
    """The bodies that are in memory now. A body of unknown length counts as the longest."""

    def __init__(
        self, *, bytes_max: int = BYTES_MAX, read_seconds_max: float = READ_SECONDS_MAX
    ) -> None:
        self._bytes_max = bytes_max
        self._read_seconds_max = read_seconds_max
        self._bytes = 0

    @asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[bytes]:
        """The request's body, counted until the block ends.

        Raises Problem 503 when too many are being read, 408 when this one comes too slowly.
        """
        size = _announced(request)
        if self._bytes + size > self._bytes_max:
            raise unavailable("Too many requests are being read", RETRY_AFTER_S)
        self._bytes += size
        try:
            yield await received(request, self._read_seconds_max)
        finally:
            self._bytes -= size


def _announced(request: Request) -> int:
    length = request.headers.get("content-length", "")
    return int(length) if length.isdigit() else EVENTS_BYTES_MAX
