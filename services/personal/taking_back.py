"""Reductions that were told and are in no entry: taken back, before they are told anew.

A database restored from a backup has lost them. Its payments are read from Kafka again, but in
other batches: the same line may say something else, and who knows it by its id would ignore that.
So what was lost is taken back, and all that follows has ids of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from services.personal import erasure
from services.personal.handler import REDUCTION, SOURCE
from shared.database import Connection
from shared.erasure import Erasure, erasures, succeed
from shared.events.envelope import Event, EventError, Outgoing, decode
from shared.events.ids import derived_id
from shared.events.types import PersonalErased, PersonalReduction, State
from shared.settings import Settings
from shared.stream import accounts, outbox
from shared.stream.service import Account

TOPIC = "personal-reductions"
ERASED_TYPE = erasure.ERASED.encode()
Position = tuple[int, int]
NOTHING: Position = (0, 0)
PATIENCE = """
set local statement_timeout = 0;
set local idle_in_transaction_session_timeout = 0
"""
# What was told after the last entry, by the broker's clock and not by ours.
LAST_POSTED = "select max(posted_at) from ledger_entry"
CLOCKS_APART = timedelta(hours=1)
POSITIONS = """
select s.subject, a.epoch, a.sequence from subject s join account a on a.number = s.account
where s.subject = any($1::text[])
"""


@dataclass(slots=True)
class TakingBack:
    """In one transaction of the caller's; `known` is how far each account had told, by subject."""

    settings: Settings
    connection: Connection
    epoch: int
    now: datetime
    known: dict[str, Position] = field(default_factory=dict)
    events: int = 0

    async def erase_again(self, values: Iterable[bytes]) -> None:
        """First of all: the requests are lost, and what they were about must not come back.

        Nothing is told: who reads the topic has it.
        """
        for event in await self._lost(value for value in values if ERASED_TYPE in value):
            if not isinstance(event.data, PersonalErased):
                continue
            # One of a life that is lost wholly is made, so that its end is remembered.
            locked = await accounts.lock(self.connection, [event.subject])
            done = Erasure(event.time or self.now, event.data.epoch, event.data.sequence)
            await erasure.forget(self.connection, self.settings, locked[event.subject], done)
            self.known.pop(event.subject, None)

    async def take_back(self, values: Iterable[bytes]) -> None:
        """Take back what of these messages is lost; they come in order per account."""
        lost = await self._lost(values)
        if not lost:
            return
        locked = await self._lock({event.subject for event in lost})
        outgoing = [
            told
            for event in lost
            if isinstance(event.data, PersonalReduction)
            and (told := _taken_back(locked[event.subject], event, event.data)) is not None
        ]
        await accounts.save(self.connection, locked.values())
        await outbox.append(self.connection, outgoing, self.now)
        self.events += len(outgoing)

    async def _lost(self, values: Iterable[bytes]) -> list[Event]:
        told = [event for value in values if (event := _told(value)) is not None]
        await self._look_up({event.subject for event in told} - self.known.keys())
        return [event for event in told if self._is_lost(event)]

    async def _look_up(self, subjects: set[str]) -> None:
        """Where accounts stood; of an erased one, where its erasure was told."""
        self.known |= dict.fromkeys(subjects, NOTHING)
        erased = await erasures(self.connection, self.settings, subjects)
        self.known |= {name: (one.epoch, one.sequence) for name, one in erased.items()}
        rows = await self.connection.fetch(POSITIONS, list(subjects))
        self.known |= {row[0]: max(self.known[row[0]], (row[1], row[2])) for row in rows}

    def _is_lost(self, event: Event) -> bool:
        data = event.data
        assert isinstance(data, State)
        return (data.epoch, data.sequence) > self.known[event.subject]

    async def _lock(self, subjects: set[str]) -> dict[str, Account]:
        """Lock accounts, made where they are lost too; they are of the new epoch."""
        locked = await accounts.lock(self.connection, subjects)
        for account in locked.values():
            account.epoch, account.changed = max(account.epoch, self.epoch), True
        erased = await erasures(self.connection, self.settings, locked)
        for subject, done in erased.items():
            succeed(locked[subject], done)
        return locked


async def begin(connection: Connection) -> datetime | None:
    """From when on something may be lost; None: from the beginning."""
    await connection.execute(PATIENCE)
    last: datetime | None = await connection.fetchval(LAST_POSTED)
    return last and last - CLOCKS_APART


def taken_back_id(subject: str, lost: str) -> str:
    """The id of what takes back the reduction of that id."""
    return derived_id(REDUCTION, subject, "taken back", lost)


def _told(value: bytes) -> Event | None:
    """A reduction or an erasure; whatever else is there was told by nobody here."""
    try:
        event = decode(value, strict=False)
    except EventError:
        return None
    known = isinstance(event.data, PersonalReduction | PersonalErased)
    return event if known and event.source == SOURCE else None


def _taken_back(account: Account, event: Event, data: PersonalReduction) -> Outgoing | None:
    """Nothing for what takes back itself: the same id comes again for what it names."""
    if event.id == taken_back_id(account.subject, data.cause):
        return None
    negated = msgspec.structs.replace(
        data,
        epoch=account.epoch,
        sequence=account.next_sequence(),
        reduction_g=-data.reduction_g,
        capped=False,
        cause=event.id,
    )
    id = taken_back_id(account.subject, event.id)
    return Outgoing(REDUCTION, account.subject, id, SOURCE, data.occurred_at, negated)
