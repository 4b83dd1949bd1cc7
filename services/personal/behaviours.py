"""One behaviour is credited once, however many banks report it. Pure.

A behaviour is a scenario and the hashed reference that banks give it. Of the payments that report
it and were not reversed, whatever their accounts, the first by (time, event key) counts, so that
the order in which they arrive cannot matter. What an erased account was credited is its for good.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from services.personal.domain import Fact, Slot


class Behaviour(NamedTuple):
    """A hashed reference (16 bytes) and the number of a scenario."""

    reference: bytes
    scenario: int


class Report(NamedTuple):
    """A payment that reports a behaviour and was not reversed. The least one counts.

    `movable` False: it counted when its account was erased, and says nothing else. The content
    stands for the account in the order: a bank may number the payments of each account anew.
    """

    movable: bool
    occurred_at: datetime
    key: bytes
    content: bytes
    slot: Slot
    event_id: str

    @property
    def name(self) -> tuple[int, bytes]:
        """Its account and event key."""
        return self.slot.account, self.key


class Standing(NamedTuple):
    """A report, and whether another one counts instead."""

    report: Report
    displaced: bool


def reference(channel_ref: str | None) -> bytes | None:
    """What is kept of a payment's `channel_ref`: 16 bytes; None without one."""
    return blake2b(channel_ref.encode(), digest_size=16).digest() if channel_ref else None


def standings(reports: Sequence[Report]) -> list[Standing]:
    """The first report counts and the others do not; what cannot be moved is left out."""
    ordered = sorted(reports)
    return [Standing(report, n > 0) for n, report in enumerate(ordered) if report.movable]


def move(fact: Fact, displaced: bool) -> bool:
    """Let a payment count or not; was that different for one that is posted?"""
    changed = fact.displaced != displaced
    fact.displaced = displaced
    return changed and fact.lines > 0
