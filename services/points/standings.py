"""League tables of villages and banks: sums of people, never of a few. Pure."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from shared.privacy import PEOPLE_MIN, folded

# No village's code and no bank's name.
OTHERS = "*"


class Group(NamedTuple):
    """The people of one name who earned in a year; without a name: who belongs nowhere."""

    name: str | None
    people: int
    points: int

    def per_head(self) -> Fraction:
        """Milli-points of one person."""
        return Fraction(self.points, self.people)


class Standing(NamedTuple):
    """A line of a table; the others have no rank."""

    rank: int | None
    group: Group


def standings(groups: Sequence[Group], least: int = PEOPLE_MIN) -> list[Standing]:
    """Groups of at least so many people by what each person earned, and the others as one line.

    Equal groups have the same rank.
    """
    largest_first = sorted(groups, key=lambda g: (-g.people, g.name or ""))
    named, others = folded(largest_first, lambda g: g.people, lambda g: g.name is not None, least)
    named.sort(key=lambda group: (-group.per_head(), group.name))
    rest = Group(OTHERS, sum(g.people for g in others), sum(g.points for g in others))
    return _ranked(named) + ([Standing(None, rest)] if others else [])


def _ranked(groups: Sequence[Group]) -> list[Standing]:
    """Best first: 1, 2, 2, 4."""
    found: list[Standing] = []
    for place, group in enumerate(groups, 1):
        tied = found and found[-1].group.per_head() == group.per_head()
        found.append(Standing(found[-1].rank if tied else place, group))
    return found
