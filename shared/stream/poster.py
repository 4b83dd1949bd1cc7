"""Posting: events become ledger rows, outgoing events and dead letters in one transaction.

Workers and APIs post through here alike; the offset fence is the worker's own.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic

from shared import metrics
from shared.database import Connection
from shared.events.envelope import Event, Outgoing, decode
from shared.stream import accounts, aside, outbox
from shared.stream.aside import DeadLetter, Parked, dead_letter
from shared.stream.service import (
    Account,
    Batch,
    Decision,
    Refusal,
    RowsT,
    Service,
    StateT,
    waits_for_event,
)

KNOWN = """
select k.n, coalesce(j.content_hash, p.content_hash)
from unnest($1::int[], $2::bigint[], $3::bytea[]) k(n, account, event_key)
left join {journal} j
    on j.account = k.account and j.event_key = k.event_key and j.content_hash is not null
left join parked p on p.account = k.account and p.event_key = k.event_key
where j.content_hash is not null or p.content_hash is not null
"""


@dataclass(slots=True)
class Outcome:
    """What became of a batch; counted in the metrics once its transaction has committed."""

    posted: int = 0
    duplicates: int = 0
    parked: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def count(self, service: str) -> None:
        """Add to the metrics."""
        metrics.EVENTS_POSTED.labels(service).inc(self.posted)
        metrics.DUPLICATES.labels(service).inc(self.duplicates)
        for reason, number in self.refused.items():
            metrics.DEAD_LETTERS.labels(service, reason).inc(number)


class Poster(Generic[StateT, RowsT]):
    """Posts batches of one service. Every method runs inside the caller's transaction."""

    def __init__(
        self,
        service: Service[StateT, RowsT],
        *,
        parked_per_source: int,
        new_number: accounts.NewNumber = accounts.random_number,
    ) -> None:
        self.service = service
        self._parked_per_source = parked_per_source
        self._new_number = new_number
        self._known = KNOWN.format(journal=service.journal) if service.journal else None

    async def lock(self, connection: Connection, subjects: Iterable[str]) -> dict[str, Account]:
        """Lock accounts (sorted, missing ones created) until the transaction ends."""
        return await accounts.lock(connection, subjects, self._new_number)

    async def save(
        self,
        connection: Connection,
        locked: Iterable[Account],
        outgoing: Sequence[Outgoing],
        now: datetime,
    ) -> None:
        """Write back locked accounts and append outgoing events to the outbox."""
        await accounts.save(connection, locked)
        await outbox.append(connection, outgoing, now)

    async def post(self, connection: Connection, events: Sequence[Event], now: datetime) -> Outcome:
        """Post events: each once, conflicts and refusals to the dead letters."""
        if self.service.screen is not None:
            events = await self.service.screen(connection, events)
        locked = await self.lock(connection, map(self.service.subject, events))
        outcome = Outcome()
        fresh, conflicts = await self._deduplicate(connection, events, locked, outcome)
        released = await self._released(connection, fresh, locked)
        await self._decide(connection, fresh, released, conflicts, locked, now, outcome)
        return outcome

    async def release(
        self, connection: Connection, subject: str, waits_for: str, now: datetime
    ) -> Outcome:
        """Post the parked events of an account that waited for this."""
        locked = await self.lock(connection, [subject])
        numbers = [(account.number, waits_for) for account in locked.values()]
        first = [
            decode(raw, strict=False) for _, raw in await aside.waiting_for(connection, numbers)
        ]
        outcome = Outcome()
        if first:
            released = first + await self._released(connection, first, locked)
            await self._decide(connection, [], released, [], locked, now, outcome)
        return outcome

    async def _deduplicate(
        self,
        connection: Connection,
        events: Sequence[Event],
        locked: dict[str, Account],
        outcome: Outcome,
    ) -> tuple[list[Event], list[Refusal]]:
        """Split into fresh events and conflicts; exact repetitions are only counted."""
        if self._known is None:
            return list(events), []
        subject = self.service.subject
        first: dict[tuple[int, bytes], Event] = {}
        conflicts = []
        for event in events:
            key = (locked[subject(event)].number, event.key)
            standing = first.setdefault(key, event)
            if standing is event:
                continue
            if standing.content == event.content:
                outcome.duplicates += 1
            else:
                conflicts.append(_conflict(event))
        rows = await connection.fetch(
            self._known, range(len(first)), [key[0] for key in first], [key[1] for key in first]
        )
        known = {row[0]: row[1] for row in rows}
        fresh = []
        for n, event in enumerate(first.values()):
            content = known.get(n)
            if content is None:
                fresh.append(event)
            elif content == event.content:
                outcome.duplicates += 1
            else:
                conflicts.append(_conflict(event))
        return fresh, conflicts

    async def _released(
        self, connection: Connection, events: Sequence[Event], locked: dict[str, Account]
    ) -> list[Event]:
        """Parked events that wait for these, and those that wait for them, and so on."""
        subject = self.service.subject
        found: list[Event] = []
        arriving = list(events)
        while arriving:
            waits = [(locked[subject(e)].number, waits_for_event(e.key)) for e in arriving]
            rows = await aside.waiting_for(connection, waits)
            arriving = [decode(raw, strict=False) for _, raw in rows]
            found += arriving
        return found

    async def _decide(
        self,
        connection: Connection,
        fresh: list[Event],
        released: list[Event],
        conflicts: list[Refusal],
        locked: dict[str, Account],
        now: datetime,
        outcome: Outcome,
    ) -> None:
        batch = Batch(_targets_first([*fresh, *released]), locked, now)
        decision: Decision[RowsT] | None = None
        if batch.events:
            state = await self.service.load(connection, batch)
            decision = self.service.decide(batch, state)
            await self.service.write(connection, decision.rows)
            await self.save(connection, locked.values(), decision.outgoing, now)
            outcome.parked += len(decision.parked)
            outcome.posted += len(batch.events) - len(decision.refused) - len(decision.parked)
        await self._set_aside(connection, released, conflicts, decision, locked, now, outcome)

    async def _set_aside(
        self,
        connection: Connection,
        released: Sequence[Event],
        conflicts: list[Refusal],
        decision: Decision[RowsT] | None,
        locked: dict[str, Account],
        now: datetime,
        outcome: Outcome,
    ) -> None:
        refused = conflicts + (decision.refused if decision else [])
        parked = decision.parked if decision else []
        number = {subject: account.number for subject, account in locked.items()}
        subject = self.service.subject
        letters = [
            dead_letter(r.event, number[subject(r.event)], r.reason, r.detail) for r in refused
        ]
        waiting = [Parked(number[subject(p.event)], p.event, p.waits_for) for p in parked]
        before = {(number[subject(event)], event.key) for event in released}
        letters += await self._park(connection, before, waiting, now)
        await aside.bury(connection, letters, now)
        outcome.refused.update(letter.reason for letter in letters)

    async def _park(
        self,
        connection: Connection,
        before: set[tuple[int, bytes]],
        waiting: list[Parked],
        now: datetime,
    ) -> list[DeadLetter]:
        """Keep what still waits, drop what waits no longer; a full source gets dead letters."""
        again = {(p.account, p.event.key) for p in waiting}
        await aside.unpark(connection, sorted(before - again))
        if not waiting:
            return []
        room = {
            source: self._parked_per_source - count
            for source, count in (
                await aside.parked_by_source(connection, (p.event.source for p in waiting))
            ).items()
        }
        kept, letters = [], []
        for item in waiting:
            left = room.get(item.event.source, self._parked_per_source)
            if left > 0 or (item.account, item.event.key) in before:
                kept.append(item)
                room[item.event.source] = left - 1
            else:
                letters.append(_parking_full(item, self._parked_per_source))
        await aside.park(connection, kept, now)
        return letters


def _targets_first(events: list[Event]) -> list[Event]:
    """Events that name another one of the batch come after it."""
    targets = {(e.subject, e.key): e.target() for e in events if e.target() is not None}
    if not targets:
        return events
    keys = {(e.subject, e.key) for e in events}

    def depth(event: Event) -> int:
        steps, at = 0, (event.subject, event.key)
        # A ring of events that name each other ends after as many steps as there are names.
        while (named := targets.get(at)) and (event.subject, named) in keys and steps < len(targets):
            steps, at = steps + 1, (event.subject, named)
        return steps

    return sorted(events, key=depth)


def _conflict(event: Event) -> Refusal:
    return Refusal(
        event, "conflict", f"event {event.id!r} of {event.source!r} came before with other content"
    )


def _parking_full(item: Parked, limit: int) -> DeadLetter:
    detail = (
        f"{limit} events of {item.event.source!r} are parked already; it waits for {item.waits_for}"
    )
    return dead_letter(item.event, item.account, "parking_full", detail)
