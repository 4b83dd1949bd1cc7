"""What every comparison of two services has in common."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec

from tanzhang.audit.report import Difference
from tanzhang.audit.snapshot import Snapshot

# Enough to see that something is very wrong, few enough to hold.
GAPS_MAX = 50_000


class Message(msgspec.Struct, frozen=True):
    """What an audit reads of an event on its way."""

    type: str
    source: str
    id: str
    subject: str
    data: dict[str, Any]


@dataclass(slots=True, frozen=True)
class Gap:
    """A difference, and the names of the messages on the way that would settle it."""

    difference: Difference
    settled_by: frozenset[str] = frozenset()


@dataclass(slots=True)
class Look:
    """One comparison of two snapshots."""

    accounts: int = 0
    rows: int = 0
    gaps: list[Gap] = field(default_factory=list)

    @property
    def full(self) -> bool:
        """More gaps than are kept: the comparison ended early."""
        return len(self.gaps) >= GAPS_MAX


# (sender, receiver, which accounts; None: all). The receiver's snapshot is the older one, so what
# it has must be the sender's as well.
Compare: TypeAlias = Callable[[Snapshot, Snapshot, Sequence[str] | None], Awaitable[Look]]


@dataclass(slots=True, frozen=True)
class Crossing:
    """Two services and the topic between them.

    `names` gives the names under which gaps ask for a message on its way.
    """

    name: str
    sender: str
    receiver: str
    topic: str
    compare: Compare
    names: Callable[[Message], Sequence[str]]
