"""Readings that a person looks at before they count."""

from datetime import datetime
from typing import NamedTuple

from services.industrial.domain.facts import Fact, Refused
from shared.events.ids import derived_id

# Why a reading is held.
IMPOSSIBLE = "impossible_consumption"
BACKWARDS = "register_backwards"

OPEN = "open"
RELEASED = "released"
REJECTED = "rejected"
# Nothing is held any more: it waited too long, or its source has too much parked.
LAPSED = "lapsed"
STATES = (OPEN, RELEASED, REJECTED, LAPSED)

# The reason of the dead letter that a rejected reading becomes.
REJECTED_IN_REVIEW = "rejected_in_review"


class Held(Refused):
    """What is not to be posted unless a person says so. `reading` ends the use that is doubted."""

    def __init__(self, reason: str, detail: str, reading: Fact) -> None:
        super().__init__(reason, detail)
        self.reading = reading


class Review(NamedTuple):
    """A row of `review` as it is opened."""

    account: int
    id: str
    event_key: bytes
    content_hash: bytes
    source: str
    event_id: str
    meter_id: str
    reason: str
    detail: str
    opened_at: datetime


class Known(NamedTuple):
    """What is known of an event that was held: what it said, and what was decided."""

    account: int
    event_key: bytes
    content: bytes
    id: str
    state: str
    note: str | None


class Settled(NamedTuple):
    """An open review that needs no decision any more, and why."""

    account: int
    id: str
    state: str
    note: str
    decided_at: datetime


def waits_for_review(key: bytes) -> str:
    """The `waits_for` of a reading that is held."""
    return f"review:{key.hex()}"


def review_of(fact: Fact, subject: str, held: Held, now: datetime) -> Review:
    """The review of a reading; held again it is the same one."""
    id = derived_id("review", subject, fact.key.hex(), fact.content.hex())
    return Review(
        fact.account,
        id,
        fact.key,
        fact.content,
        fact.source,
        fact.id,
        fact.slot.partition(":")[2],
        held.reason,
        held.detail,
        now,
    )
