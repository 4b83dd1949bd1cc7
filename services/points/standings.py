"""League tables of villages and banks: sums of people, never of a few. Pure."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

PEOPLE_MIN = 10
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

    Whoever knows the city's total must not find what a few have earned: where the others are
    fewer, the smallest group joins them. Equal groups have the same rank.
    """
    named = sorted((g for g in groups if g.name is not None and g.people >= least), key=_size)
    others = [g for g in groups if g.name is None or g.people < least]
    if 0 < sum(g.people for g in others) < least and named:
        others.append(named.pop(0))
    named.sort(key=lambda group: (-group.per_head(), group.name))
    people = sum(g.people for g in others)
    rest = Group(OTHERS, people, sum(g.points for g in others))
    return _ranked(named) + ([Standing(None, rest)] if people >= least else [])


def _size(group: Group) -> tuple[int, str]:
    return group.people, group.name or ""


def _ranked(groups: Sequence[Group]) -> list[Standing]:
    """Best first: 1, 2, 2, 4."""
    found: list[Standing] = []
    for place, group in enumerate(groups, 1):
        tied = found and found[-1].group.per_head() == group.per_head()
        found.append(Standing(found[-1].rank if tied else place, group))
    return found
