"""What happened and what became of the events: a table for people, JSON for programs."""

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

LAST = Path(__file__).parents[2] / ".cache" / "faults" / "last.json"


@dataclass(slots=True, frozen=True)
class Injected:
    """A fault that has happened: to whom, and when, in seconds from the start of the run."""

    kind: str
    what: str
    began: float
    ended: float


@dataclass(slots=True)
class Tally:
    """One run. `sent` counts records, `requests_repeated` the requests that were sent again."""

    name: str
    seed: int
    started: float = field(default_factory=time.monotonic)
    injected: list[Injected] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    sent: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    requests_repeated: int = 0
    entries: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    fenced: int = 0
    samples: int = 0

    def now(self) -> float:
        """Seconds since the run has begun."""
        return time.monotonic() - self.started

    def note(self, kind: str, what: str, began: float | None = None) -> None:
        """A fault has happened, and is over. Printed too: pytest shows it when the test fails."""
        ended = self.now()
        fault = Injected(kind, what, ended if began is None else began, ended)
        self.injected.append(fault)
        print(f"{fault.began:7.1f} to {fault.ended:7.1f} s: {kind}, {what}")


def lines(tallies: list[Tally]) -> list[str]:
    """Faults by kind over all runs, then one line per run."""
    injected = Counter(fault.kind for tally in tallies for fault in tally.injected)
    width = max(map(len, [*injected, "fault"]))
    table = [f"{kind:<{width}} {count:>5}" for kind, count in sorted(injected.items())]
    table = [f"{'fault':<{width}} {'times':>5}", *table, f"{'all':<{width}} {injected.total():>5}"]
    for tally in tallies:
        table += ["", *_run(tally)]
    return table


def save(tallies: list[Tally], path: Path = LAST) -> None:
    """All runs, as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(tallies), indent=2) + b"\n")


def _run(tally: Tally) -> list[str]:
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(tally.kinds.items()))
    spent = ", ".join(f"{what} {seconds:.0f} s" for what, seconds in tally.seconds.items())
    return [
        f"{tally.name} (seed {tally.seed}): {len(tally.injected)} faults; {spent}",
        f"  sent {tally.sent:,} ({kinds}), requests sent again {tally.requests_repeated:,}",
        f"  posted {tally.entries:,}, lost {tally.lost}, doubled {tally.doubled}, "
        f"wrong {tally.wrong}; batches fenced {tally.fenced}, samples {tally.samples}",
    ]
