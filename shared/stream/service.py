"""What a domain service gives the engine, and what the engine gives it.

A service is four things: the topics it reads, `load` (its state for a batch, SQL),
`decide` (pure: batch and state in, decision out) and `write` (the decision's rows, SQL).
The engine does the rest in the same transaction: fence, deduplication, account locks,
sequences and balances, outbox, dead letters, parking.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any, Generic, TypeVar

from shared.database import Connection
from shared.events.envelope import Event, Outgoing

StateT = TypeVar("StateT")
RowsT = TypeVar("RowsT")


@dataclass(slots=True)
class Account:
    """A locked account. `balance` and the sequences are written back by the engine."""

    number: int
    subject: str
    epoch: int
    sequence: int
    balance: int
    changed: bool = False

    def next_sequence(self) -> int:
        """Take the next output sequence (rises by one, never repeats within an epoch)."""
        self.sequence += 1
        self.changed = True
        return self.sequence

    def add(self, amount: int) -> None:
        """Add a posted amount (mg, or milli-points) to the balance."""
        self.balance += amount
        self.changed = True


@dataclass(slots=True, frozen=True)
class Batch:
    """Fresh events of locked accounts: duplicates and conflicts are already out."""

    events: Sequence[Event]
    accounts: dict[str, Account]
    now: datetime

    def account(self, event: Event) -> Account:
        return self.accounts[event.subject]


@dataclass(slots=True, frozen=True)
class Refusal:
    """An event that can never be posted: `reason` is a word, `detail` a sentence."""

    event: Event
    reason: str
    detail: str


@dataclass(slots=True, frozen=True)
class Parking:
    """An event that cannot be posted yet: released when `waits_for` comes true."""

    event: Event
    waits_for: str


@dataclass(slots=True)
class Decision(Generic[RowsT]):
    """What a batch does: the service's rows, outgoing events, refusals and parkings."""

    rows: RowsT
    outgoing: list[Outgoing] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    parked: list[Parking] = field(default_factory=list)

    def refuse(self, event: Event, reason: str, detail: str) -> None:
        self.refused.append(Refusal(event, reason, detail))

    def park(self, event: Event, waits_for: str) -> None:
        self.parked.append(Parking(event, waits_for))


@dataclass(slots=True, frozen=True)
class Service(Generic[StateT, RowsT]):
    """A domain service as the engine sees it.

    `journal` names the table that remembers posted events by (account, event_key, content_hash);
    None when the service itself ignores what is not newer (see `State`).
    """

    name: str
    topics: tuple[str, ...]
    load: Callable[[Connection, Batch], Awaitable[StateT]]
    decide: Callable[[Batch, StateT], Decision[RowsT]]
    write: Callable[[Connection, RowsT], Awaitable[None]]
    journal: str | None
    subject: Callable[[Event], str] = attrgetter("subject")
    # Leaves out events that must not be taken in at all (of erased accounts), before an account
    # is made for them.
    screen: Callable[[Connection, Sequence[Event]], Awaitable[Sequence[Event]]] | None = None
    # Before the accounts of events are locked: locks what this service locks before accounts (in an
    # order of its own), and names the subjects whose accounts these events may change besides
    # their own. They are locked together with those of the events and are in the batch; one that
    # has been erased meanwhile is not. `load` reads anew what this has read, and raises
    # OvertakenError when that takes an account that is not locked.
    reach: Callable[[Connection, Sequence[Event]], Awaitable[Collection[str]]] | None = None
    # The type of event after which its subject may be another account (an erasure): what comes
    # after it is posted on its own.
    ends_account: str | None = None
    # What else than their own names comes true with events (account, event) that arrive: what
    # parked events of these accounts wait for.
    wakes: (
        Callable[[Connection, Sequence[tuple[int, Event]]], Awaitable[Sequence[tuple[int, str]]]]
        | None
    ) = None
    # What the clock does: (connection, poster, now), each in a transaction of its own of the
    # leader. Accounts are locked in order only within one call of `poster.lock`: a tick makes one.
    ticks: tuple[Callable[[Connection, Any, datetime], Awaitable[None]], ...] = ()
    # Sets the gauges of the service's own numbers (metrics.CITY): in one process at a time, about
    # once a minute, in a transaction that only reads.
    measure: Callable[[Connection], Awaitable[None]] | None = None


def waits_for_event(key: bytes) -> str:
    """The `waits_for` of an event that names another one (`replaces`, `reverses`)."""
    return f"event:{key.hex()}"
