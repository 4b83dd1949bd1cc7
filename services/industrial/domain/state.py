"""What the rules know when they decide on a batch, and what they decide."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.industrial.domain.entries import Entry
from services.industrial.domain.facts import Fact, Refused
from services.industrial.domain.fuels import Fuels
from services.industrial.domain.registry import Enterprise, Meter
from services.industrial.domain.reviews import Known, Review, Settled
from services.industrial.domain.years import Year
from shared.events.envelope import Event

Key = tuple[int, bytes]


@dataclass(slots=True)
class State:
    """The stored state that a batch may touch.

    `arriving` are its events as facts (or why not), `targets` the events that some of them name;
    `facts` those that overlap or neighbour them and those they name; `entries` all lines of the
    facts that may lose theirs; `years` the sums from the first to the last year of `span`, in
    which all that may be posted lies; `closed` the years into which nothing may be posted.
    """

    arriving: list[tuple[Event, Fact | Refused]] = field(default_factory=list)
    targets: dict[Key, bytes] = field(default_factory=dict)
    enterprises: dict[str, list[Enterprise]] = field(default_factory=dict)
    meters: dict[str, list[Meter]] = field(default_factory=dict)
    fuels: Mapping[str, Fuels] = field(default_factory=dict)
    reviews: dict[Key, list[Known]] = field(default_factory=dict)
    facts: dict[Key, Fact] = field(default_factory=dict)
    entries: dict[Key, list[Entry]] = field(default_factory=dict)
    years: dict[tuple[int, int], Year] = field(default_factory=dict)
    span: tuple[int, int] = (0, 0)
    closed: frozenset[int] = frozenset()


@dataclass(slots=True)
class Rows:
    """What a batch writes; `changed` are facts of earlier batches whose state is another now,
    `years` the new sums of the years that changed, by account and year."""

    reviews: list[Review] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    changed: list[Fact] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    years: dict[tuple[int, int], Year] = field(default_factory=dict)
