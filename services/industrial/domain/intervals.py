"""Facts that tell about an interval: one stands per interval, no two that overlap.

Among equal intervals of a meter the strongest claim stands, whichever came first. A replaced
fact keeps the claim it had, so that what it had beaten does not come back.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from services.industrial.domain.facts import (
    REPLACED,
    SUPERSEDED,
    Fact,
    Refused,
    claim_of,
    inherit,
    lose,
    take_back,
)

Span = tuple[datetime | None, datetime]


class Overlap(Refused):
    """Two facts tell about the same time: no longer so once one of them is replaced."""


@dataclass(slots=True)
class Change:
    """What placing a fact does: those `dropped` stand no longer; it is posted when it `stands`."""

    stands: bool
    dropped: list[Fact]


@dataclass(slots=True)
class IntervalSlot:
    """The facts near those of a batch. `ranked`: equal intervals compete (meters);
    otherwise a second fact for the same time is refused (reports)."""

    ranked: bool
    groups: dict[Span, list[Fact]] = field(default_factory=dict)
    standing: list[tuple[datetime, bytes, Fact]] = field(default_factory=list)

    def load(self, facts: Iterable[Fact]) -> None:
        """Take facts that were posted before."""
        for fact in facts:
            self._keep(fact)

    def place(self, fact: Fact, target: Fact | None) -> Change:
        """Add a new fact; Overlap when it would stand beside another of its time."""
        if target is not None and self.ranked:
            inherit(fact, target)
        group = self.groups.get((fact.starts, fact.ends), ()) if self.ranked else ()
        rivals = [other for other in group if other is not target]
        strongest = max(rivals, key=claim_of) if rivals else None
        wins = strongest is None or claim_of(fact) > claim_of(strongest)
        change = Change(wins and fact.stands(), [])
        if wins:
            beaten = next((other for other in rivals if other.stands()), None)
            if fact.stands():
                self._refuse_overlap(fact, target, beaten)
            if beaten is not None:
                self._drop(beaten, SUPERSEDED, fact, change)
        else:
            assert strongest is not None
            lose(fact, strongest)
        if target is not None:
            self._drop(target, REPLACED, fact, change)
        self._keep(fact)
        return change

    def has_room(self, fact: Fact) -> bool:
        """It would not be Refused, standing or beaten."""
        equal = self.groups.get((fact.starts, fact.ends), ()) if self.ranked else ()
        try:
            self._refuse_overlap(fact, None, next((f for f in equal if f.stands()), None))
        except Overlap:
            return False
        return True

    def _keep(self, fact: Fact) -> None:
        self.groups.setdefault((fact.starts, fact.ends), []).append(fact)
        if fact.stands():
            insort(self.standing, (fact.ends, fact.key, fact))

    def _drop(self, fact: Fact, state: str, by: Fact, change: Change) -> None:
        change.dropped.append(fact)
        self.remove(fact)
        if state == REPLACED:
            take_back(fact, by)
        else:
            fact.state, fact.superseded_by = state, by.key

    def remove(self, fact: Fact) -> None:
        """Make room where a fact stands that is about to stand no longer."""
        if fact.stands():
            self.standing.remove((fact.ends, fact.key, fact))

    def _refuse_overlap(self, fact: Fact, target: Fact | None, beaten: Fact | None) -> None:
        """Standing facts are disjoint and sorted, so that only neighbours can overlap."""
        assert fact.starts is not None
        at = bisect_left(self.standing, (fact.starts, b"\xff" * 17))
        for _, _, other in self.standing[at:]:
            assert other.starts is not None
            if other.starts >= fact.ends:
                break
            if other is not target and other is not beaten:
                raise Overlap(
                    "overlapping_interval",
                    f"{fact.slot} {fact.period()} of event {fact.id!r} overlaps {other.period()} "
                    f"of event {other.id!r} from {other.source!r}; expected no overlap, "
                    "or `replaces` naming that event",
                )
