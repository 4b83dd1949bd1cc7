"""What the rules know when they decide on a batch, and what they decide."""

from dataclasses import dataclass, field
from datetime import date

from services.industrial.domain.entries import Entry
from services.industrial.domain.facts import Fact, Refused
from services.industrial.domain.months import Deltas, Month
from services.industrial.domain.registry import Enterprise, Meter
from shared.events.envelope import Event

Key = tuple[int, bytes]


@dataclass(slots=True)
class State:
    """The stored state that a batch may touch.

    `arriving` are its events as facts (or why not); `facts` those that overlap or neighbour them
    and those they name; `entries` all lines of the facts that may lose theirs; `months` and `sets`
    hold every year that a posting may touch, from the first to the last of `years`.
    """

    arriving: list[tuple[Event, Fact | Refused]] = field(default_factory=list)
    enterprises: dict[str, list[Enterprise]] = field(default_factory=dict)
    meters: dict[str, list[Meter]] = field(default_factory=dict)
    facts: dict[Key, Fact] = field(default_factory=dict)
    entries: dict[Key, list[Entry]] = field(default_factory=dict)
    months: dict[tuple[int, date], Month] = field(default_factory=dict)
    sets: dict[tuple[int, int], dict[str, int]] = field(default_factory=dict)
    years: dict[int, tuple[int, int]] = field(default_factory=dict)


@dataclass(slots=True)
class Rows:
    """What a batch writes; `changed` are facts of earlier batches whose state is another now."""

    facts: list[Fact] = field(default_factory=list)
    changed: list[Fact] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    deltas: Deltas = field(default_factory=Deltas)
