"""What a run may be told, and the sizes that it has otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

STANDARD: Mapping[str, int] = {
    "payments": 200_000,
    "ingested": 200_000,
    "readings": 200_000,
    "devices": 4_000_000,
    "behind": 1_000_000,
    "grown": 10_000_000,
    "questions": 500,
    "delivered": 50_000,
    "webhook_seconds": 30,
    "latency_seconds": 60,
}
SHORT: Mapping[str, int] = {
    "payments": 30_000,
    "ingested": 30_000,
    "readings": 30_000,
    "devices": 60_000,
    "behind": 100_000,
    "grown": 300_000,
    "questions": 50,
    "delivered": 3_000,
    "webhook_seconds": 5,
    "latency_seconds": 10,
}
# A worker waits for PostgreSQL half of the time: two of a service keep two cores busy.
WORKERS = 2


@dataclass(slots=True, frozen=True)
class Options:
    """Options of the command line. `count` and `seconds` replace the size of the benchmark."""

    kafka: bool = False
    short: bool = False
    count: int | None = None
    seconds: int | None = None
    workers: int = WORKERS
    limit: bool = True
    profile: Path | None = None
    directory: Path | None = None
    keep: bool = False

    def size(self, name: str) -> int:
        """How many events the benchmark takes; `name` is a key of STANDARD."""
        return self.count or (SHORT if self.short else STANDARD)[name]

    def duration(self, name: str) -> int:
        """How many seconds the benchmark lasts; `name` is a key of STANDARD."""
        return self.seconds or (SHORT if self.short else STANDARD)[name]

    def is_standard(self) -> bool:
        """Whether its results may stand beside those of other standard runs."""
        changed = (self.count, self.seconds, self.profile)
        return changed == (None, None, None) and self.workers == WORKERS and not self.short
