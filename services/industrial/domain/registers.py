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
    SUPERSEDED,
    Fact,
    Place,
    Refused,
    claim_of,
    inherit,
    lose,
    take_back,
)
from services.industrial.domain.postings import Posting


class Usage(NamedTuple):
    """What `reading` adds: the use in (previous.ends, reading.ends]."""

    previous: Fact
    reading: Fact

    def of_one_counter(self) -> bool:
        """No counter was exchanged between the two."""
        return self.previous.exchange != FINAL and self.reading.exchange != INITIAL


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
        stronger, beaten = self._contest(fact, target)
        stands = stronger is None and fact.stands()
        change = self._change(fact, stands, [f for f in (beaten, target) if f is not None])
        if stronger is not None:
            lose(fact, stronger)
        if beaten is not None:
            beaten.state, beaten.superseded_by = SUPERSEDED, fact.key
        if target is not None:
            take_back(target, fact)
        return change

    def gives_way(self, fact: Fact, target: Fact | None) -> Fact | None:
        """The standing reading of its place that a new one would put aside, if that is all that it
        would change."""
        stronger, beaten = self._contest(fact, target)
        gone = [one for one in (beaten, target) if one is not None and one.stands()]
        alone = stronger is None and fact.stands() and len(gone) == 1
        return gone[0] if alone and gone[0].place() == fact.place() else None

    def _contest(self, fact: Fact, target: Fact | None) -> tuple[Fact | None, Fact | None]:
        """Of the other readings of its place: the one with the stronger claim, or else the one that
        stands."""
        if target is not None:
            inherit(fact, target)
        rivals = [other for other in self.groups.get(fact.place(), ()) if other is not target]
        strongest = max(rivals, key=claim_of, default=None)
        if strongest is not None and claim_of(fact) <= claim_of(strongest):
            return strongest, None
        return None, next((rival for rival in rivals if rival.stands()), None)

    def _change(self, fact: Fact, stands: bool, dropped: list[Fact]) -> RegisterChange:
        """Compare the uses before and after."""
        places = [fact.place(), *(f.place() for f in dropped)]
        before, old = self.uses(places), self.standing
        self.standing = [pair for pair in old if pair[1] not in dropped]
        if stands:
            insort(self.standing, (fact.place(), fact), key=_place)
        after = self.uses(places)
        try:
            posted = [self.post(use) for use in after if use not in before]
        except Refused:
            self.standing = old
            raise
        self.groups.setdefault(fact.place(), []).append(fact)
        return RegisterChange(dropped, [use.reading for use in before if use not in after], posted)

    def uses(self, places: Iterable[Place]) -> list[Usage]:
        """The uses that end or begin at these places, or reach over them."""
        found = {}
        for at in places:
            n = bisect_left(self.standing, at, key=_place)
            read_then = n < len(self.standing) and self.standing[n][0] == at
            for k in (n, n + 1) if read_then else (n,):
                if 0 < k < len(self.standing):
                    found[k] = Usage(self.standing[k - 1][1], self.standing[k][1])
        return [found[k] for k in sorted(found) if found[k].of_one_counter()]


def _place(pair: tuple[Place, Fact]) -> Place:
    return pair[0]
