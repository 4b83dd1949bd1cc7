"""Each client's rate: a bucket of tokens, refilled all the time, one token per event."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Rates:
    """Events per second and client; 0 is no limit. `clock` is in seconds.

    A bucket holds one second's worth. A batch may take more than is there, and the client then
    waits until the debt is paid: so a batch of any size passes, and the mean rate holds.
    """

    def __init__(self, per_second: int, clock: Callable[[], float]) -> None:
        self._per_second = per_second
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def wait(self, client: str) -> int:
        """Whole seconds until the client may send again; 0 when it may now."""
        if not self._per_second:
            return 0
        tokens = self._refilled(client).tokens
        return 0 if tokens > 0 else int(-tokens / self._per_second) + 1

    def take(self, client: str, events: int) -> None:
        """Charge the client for events."""
        if self._per_second:
            self._refilled(client).tokens -= events

    def _refilled(self, client: str) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.setdefault(client, _Bucket(self._per_second, now))
        grown = bucket.tokens + (now - bucket.at) * self._per_second
        bucket.tokens, bucket.at = min(grown, self._per_second), now
        return bucket
