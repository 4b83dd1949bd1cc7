"""Corrections of a counter that are possible together only.

Each of them alone contradicts what stands beside it and is to be corrected too: the use on one side
would run backwards, that on the other side be more than can flow.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

from services.industrial.domain.facts import Fact, Refused, claim_of
from services.industrial.domain.postings import Posting
from services.industrial.domain.registers import RegisterSlot, Usage

# Of the held readings of one time the strongest are tried.
TRIED_MAX = 4

Post = Callable[[Usage], Posting]


class Correction(NamedTuple):
    """A held reading, and the standing one of its place that it would put aside."""

    fact: Fact
    gone: Fact


class Chain(NamedTuple):
    """Corrections of neighbours that are possible together: this one and those before it."""

    last: Correction
    behind: "Chain | None"
    length: int


def together(slot: RegisterSlot, held: Sequence[Correction], rises: Post) -> list[Fact]:
    """The corrections of neighbours that are possible together, as many as are, in an order in
    which no counter runs backwards on the way.

    `rises` is Held of a use that runs backwards, the slot's own test of an impossible one too.
    """
    at_once = [_longest(slot, run, rises) for run in _neighbours(slot, held)]
    return [fact for chain in at_once for fact in _in_turn(chain, rises)]


def _neighbours(
    slot: RegisterSlot, held: Sequence[Correction]
) -> Iterator[Mapping[int, Sequence[Correction]]]:
    """Corrections by where in `standing` they are, those of readings side by side as one."""
    where = {id(fact): n for n, (_, fact) in enumerate(slot.standing)}
    found: dict[int, list[Correction]] = defaultdict(list)
    for correction in sorted(held, key=lambda one: claim_of(one.fact), reverse=True):
        tried = found[where[id(correction.gone)]]
        if len(tried) < TRIED_MAX:
            tried.append(correction)
    run: dict[int, Sequence[Correction]] = {}
    for n in sorted(found):
        if run and n - 1 not in run:
            yield run
            run = {}
        run[n] = found[n]
    yield run


def _longest(
    slot: RegisterSlot, run: Mapping[int, Sequence[Correction]], rises: Post
) -> list[Correction]:
    """The most of a run that would stand between what stands now."""
    best: Chain | None = None
    chains: list[Chain] = []
    for n, corrections in run.items():
        chains = [c for one in corrections if (c := _chain(slot, n, one, chains, rises))]
        for chain in chains:
            longer = best is None or chain.length > best.length
            if longer and _possible(slot.post, chain.last.fact, _standing(slot, n + 1)):
                best = chain
    return [] if best is None or best.length == 1 else _whole(best)


def _chain(
    slot: RegisterSlot, n: int, one: Correction, chains: Sequence[Chain], rises: Post
) -> Chain | None:
    """The longest chain that ends in a correction of the n-th standing reading."""
    fitting = (chain for chain in chains if _fit(slot, chain.last, one, rises))
    behind = max(fitting, key=lambda chain: chain.length, default=None)
    if behind is not None:
        return Chain(one, behind, behind.length + 1)
    begins = _possible(slot.post, _standing(slot, n - 1), one.fact)
    return Chain(one, None, 1) if begins else None


def _fit(slot: RegisterSlot, first: Correction, second: Correction, rises: Post) -> bool:
    """Both can stand side by side, and one of them can come before the other."""
    return _possible(slot.post, first.fact, second.fact) and (
        _possible(rises, first.fact, second.gone) or _possible(rises, first.gone, second.fact)
    )


def _standing(slot: RegisterSlot, n: int) -> Fact | None:
    return slot.standing[n][1] if 0 <= n < len(slot.standing) else None


def _possible(post: Post, previous: Fact | None, reading: Fact | None) -> bool:
    if previous is None or reading is None:
        return True
    use = Usage(previous, reading)
    try:
        if use.of_one_counter():
            post(use)
    except Refused:
        return False
    return True


def _whole(chain: Chain) -> list[Correction]:
    found = []
    left: Chain | None = chain
    while left is not None:
        found.append(left.last)
        left = left.behind
    return found[::-1]


def _in_turn(chain: Sequence[Correction], rises: Post) -> list[Fact]:
    """Only neighbours are in each other's way: who cannot come before the next comes after it."""
    order: list[Fact] = []
    after: list[Fact] = []
    for one, following in zip_longest(chain, chain[1:]):
        after.append(one.fact)
        if following is None or _possible(rises, one.fact, following.gone):
            order += reversed(after)
            after.clear()
    return order
