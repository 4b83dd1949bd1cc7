"""What it would take to have a better label."""

from bisect import bisect_left
from collections.abc import Callable


def next_better(rank: int, most_mg: int, rank_at: Callable[[int], int]) -> int | None:
    """The least whole milligrams to cut for a label above `rank`; None when no cut gives one.

    `rank_at` is the rank of the label after a cut of up to `most_mg`: it never falls as the cut
    grows, since fewer tonnes make no dimension worse.
    """
    if most_mg < 0 or rank_at(most_mg) <= rank:
        return None
    return bisect_left(range(most_mg + 1), True, key=lambda cut: rank_at(cut) > rank)
