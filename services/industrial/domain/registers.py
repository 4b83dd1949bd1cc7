"""Readings of a counter: each posts what was used since the reading before it.

Where a counter is exchanged, nothing is: no use begins at a final reading or ends at an initial
one. Either is enough, so that nothing is posted over an exchange of which one half is known.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from services.industrial.domain.facts import (
    FINAL,
    INITIAL,
    REPLACED,
    SUPERSEDED,
    Fact,
    Place,
    Refused,
    claim_of,
    inherit,
    lose,
)
from services.industrial.domain.postings import Posting


class Usage(NamedTuple):
    """What `reading` adds: the use in (previous.ends, reading.ends]."""

    previous: Fact
    reading: Fact


class RegisterChange(NamedTuple):
    """`dropped`: readings whose state changed; `ended`: readings whose use is no longer true;
    `posted`: the new uses."""

    dropped: list[Fact]
    ended: list[Fact]
    posted: list[Posting]


@dataclass(slots=True)
class RegisterSlot:
    """The readings near those of a batch; `standing` is sorted by place.

    `post` makes the posting of a use; Refused when the counter ran backwards.
    """

    post: Callable[[Usage], Posting]
    groups: dict[Place, list[Fact]] = field(default_factory=dict)
    standing: list[tuple[Place, Fact]] = field(default_factory=list)

    def load(self, facts: Iterable[Fact]) -> None:
        """Take readings that were posted before."""
        for fact in facts:
            self.groups.setdefault(fact.place(), []).append(fact)
            if fact.stands():
                insort(self.standing, (fact.place(), fact), key=_place)

    def place(self, fact: Fact, target: Fact | None) -> RegisterChange:
        """Add a new reading; when it is Refused nothing has changed."""
        if target is not None:
            inherit(fact, target)
        rivals = [other for other in self.groups.get(fact.place(), ()) if other is not target]
        strongest = max(rivals, key=claim_of, default=None)
        wins = strongest is None or claim_of(fact) > claim_of(strongest)
        beaten = next((r for r in rivals if r.stands()), None) if wins else None
        stands = wins and fact.stands()
        change = self._change(fact, stands, [f for f in (beaten, target) if f is not None])
        if strongest is not None and not wins:
            lose(fact, strongest)
        if beaten is not None:
            beaten.state, beaten.superseded_by = SUPERSEDED, fact.key
        if target is not None:
            target.state, target.replaced_by = REPLACED, fact.key
        return change

    def _change(self, fact: Fact, stands: bool, dropped: list[Fact]) -> RegisterChange:
        """Compare the uses before and after."""
        places = [fact.place(), *(f.place() for f in dropped)]
        before, old = self._uses(places), self.standing
        self.standing = [pair for pair in old if pair[1] not in dropped]
        if stands:
            insort(self.standing, (fact.place(), fact), key=_place)
        after = self._uses(places)
        try:
            posted = [self.post(use) for use in after if use not in before]
        except Refused:
            self.standing = old
            raise
        self.groups.setdefault(fact.place(), []).append(fact)
        return RegisterChange(dropped, [use.reading for use in before if use not in after], posted)

    def _uses(self, places: Iterable[Place]) -> list[Usage]:
        """The uses that end or begin at these places, or reach over them."""
        found = {}
        for at in places:
            n = bisect_left(self.standing, at, key=_place)
            read_then = n < len(self.standing) and self.standing[n][0] == at
            for k in (n, n + 1) if read_then else (n,):
                if 0 < k < len(self.standing):
                    found[k] = Usage(self.standing[k - 1][1], self.standing[k][1])
        return [found[k] for k in sorted(found) if _one_counter(found[k])]


def _one_counter(use: Usage) -> bool:
    return use.previous.exchange != FINAL and use.reading.exchange != INITIAL


def _place(pair: tuple[Place, Fact]) -> Place:
    return pair[0]
