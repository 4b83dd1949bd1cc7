"""Sums of people that may be shown: never of a few, not even by what is left out. Pure."""

from collections.abc import Callable, Sequence
from typing import TypeVar

PEOPLE_MIN = 10

GroupT = TypeVar("GroupT")


def folded(
    groups: Sequence[GroupT],
    people: Callable[[GroupT], int],
    is_named: Callable[[GroupT], bool],
    least: int = PEOPLE_MIN,
) -> tuple[list[GroupT], list[GroupT]]:
    """The groups that may be shown, and those to be shown together as the others.

    A group may be shown when it has a name and at least so many people. Whoever knows the whole
    must not find the others' sum by subtraction: where they are fewer, the last group in the given
    order joins them. No others: there are none, or all people together are too few.
    """
    shown = [group for group in groups if is_named(group) and people(group) >= least]
    others = [group for group in groups if not (is_named(group) and people(group) >= least)]
    if 0 < sum(map(people, others)) < least and shown:
        others.append(shown.pop())
    return shown, others if sum(map(people, others)) >= least else []
