"""Posting: events become ledger rows, outgoing events and dead letters in one transaction.

Workers and APIs post through here alike; the offset fence is the worker's own.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
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

Key = tuple[int, bytes]  # account and event
Name = tuple[str, bytes]  # subject and event
RELEASED_MAX = 1000

KNOWN = """
with k as (select * from unnest($1::bigint[], $2::bytea[]) with ordinality k(account, event_key, n))
select n, content_hash from k join {journal} using (account, event_key)
where content_hash is not null
union all
select n, content_hash from k join parked using (account, event_key)
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
        self.parked_per_source = parked_per_source
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
        outcome = Outcome()
        for part in self._parts(events):
            await self._post_part(connection, part, now, outcome)
        return outcome

    def _parts(self, events: Sequence[Event]) -> Iterator[Sequence[Event]]:
        """Cut after each event that ends an account; usually there is none."""
        begin = 0
        ends_account = self.service.ends_account
        for at, event in enumerate(events, 1):
            if event.type == ends_account:
                yield events[begin:at]
                begin = at
        if begin < len(events):
            yield events[begin:]

    async def _post_part(
        self, connection: Connection, part: Sequence[Event], now: datetime, outcome: Outcome
    ) -> None:
        locked, events = await self._take_in(connection, part)
        while events:
            fresh, conflicts, events = await self._deduplicate(connection, events, locked, outcome)
            released = await self._released(connection, fresh, locked)
            await self._decide(connection, fresh, released, conflicts, locked, now, outcome)

    async def release(
        self, connection: Connection, subject: str, waits_for: str | Sequence[str], now: datetime
    ) -> Outcome:
        """Post the parked events of an account that waited for this or any of these, a batch at a
        time."""
        waits = [waits_for] if isinstance(waits_for, str) else waits_for
        also = await self._reach_waiting(connection, subject, waits)
        locked = await accounts.lock_existing(connection, [subject, *also])
        if subject not in locked:
            locked |= await accounts.lock_created(connection, [subject], self._new_number)
        account = locked[subject].number
        outcome = Outcome()
        keys = await aside.keys_waiting_for(connection, account, waits)
        for at in range(0, len(keys), RELEASED_MAX):
            some = keys[at : at + RELEASED_MAX]
            raws = await aside.still_waiting(connection, account, waits, some)
            first = [decode(raw, strict=False) for raw in raws]
            released = first + await self._released(connection, first, locked)
            await self._decide(connection, [], released, [], locked, now, outcome)
        return outcome

    async def _reach(self, connection: Connection, events: Sequence[Event]) -> Collection[str]:
        """The subjects whose accounts these events may change besides their own."""
        return await self.service.reach(connection, events) if self.service.reach else ()

    async def _reach_waiting(
        self, connection: Connection, subject: str, waits: Sequence[str]
    ) -> Collection[str]:
        """The same for the parked events of an account that wait for these."""
        account = await accounts.find(connection, subject) if self.service.reach else None
        if account is None:
            return ()
        waiting = await aside.waiting_for(connection, [(account, one) for one in waits])
        return await self._reach(connection, [decode(raw, strict=False) for _, raw in waiting])

    async def _take_in(
        self, connection: Connection, events: Sequence[Event]
    ) -> tuple[dict[str, Account], Sequence[Event]]:
        """Lock the accounts of the events that the service takes in, and give those events.

        Screened under the locks, so that an erasure in progress is waited for; accounts are made
        after it, so that none is made again for whom was erased.
        """
        subject = self.service.subject
        also = await self._reach(connection, events)
        locked = await accounts.lock_existing(connection, [*map(subject, events), *also])
        if self.service.screen is not None:
            events = await self.service.screen(connection, events)
        missing = {subject(event) for event in events} - locked.keys()
        created = await accounts.lock_created(connection, missing, self._new_number)
        return locked | created, events

    async def _deduplicate(
        self,
        connection: Connection,
        events: Sequence[Event],
        locked: dict[str, Account],
        outcome: Outcome,
    ) -> tuple[list[Event], list[Refusal], list[Event]]:
        """Split into fresh events, conflicts, and those to be looked at once these are posted.

        The last are the second of two that share an identity but not the content: a conflict if
        the first is posted or parked, and fresh if it is refused, as if they had come apart.
        """
        if self._known is None:
            return list(events), [], []
        subject = self.service.subject
        keyed = [((locked[subject(event)].number, event.key), event) for event in events]
        known = await self._contents(connection, self._known, dict.fromkeys(k for k, _ in keyed))
        fresh: dict[Key, Event] = {}
        conflicts, later = [], []
        for key, event in keyed:
            standing = fresh.get(key)
            content = known.get(key) or (standing.content if standing else None)
            if content is None:
                fresh[key] = event
            elif content == event.content:
                outcome.duplicates += 1
            elif standing is None:
                conflicts.append(_conflict(event))
            else:
                later.append(event)
        return list(fresh.values()), conflicts, later

    async def _contents(
        self, connection: Connection, query: str, keys: Collection[Key]
    ) -> dict[Key, bytes]:
        """The contents of the events that are posted or parked already."""
        rows = await connection.fetch(query, [key[0] for key in keys], [key[1] for key in keys])
        in_order = list(keys)
        return {in_order[n - 1]: content for n, content in rows}

    async def _released(
        self, connection: Connection, events: Sequence[Event], locked: dict[str, Account]
    ) -> list[Event]:
        """Parked events that wait for these, and those that wait for them, and so on."""
        if not await aside.any_parked(connection):
            return []
        subject = self.service.subject
        given = {(e.subject, e.key) for e in events}
        found: dict[tuple[str, bytes], Event] = {}
        arriving = list(events)
        while arriving:
            named = [(locked[subject(e)].number, e) for e in arriving]
            waits = [(number, waits_for_event(e.key)) for number, e in named]
            if self.service.wakes is not None:
                waits += await self.service.wakes(connection, named)
            rows = await aside.waiting_for(connection, waits)
            waiting = [decode(raw, strict=False) for _, raw in rows]
            known = given | found.keys()
            arriving = [e for e in waiting if (e.subject, e.key) not in known]
            found |= {(e.subject, e.key): e for e in arriving}
        return list(found.values())

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
        batch = Batch(_targets_first([*released, *fresh]), locked, now)
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
            source: self.parked_per_source - count
            for source, count in (
                await aside.parked_by_source(connection, (p.event.source for p in waiting))
            ).items()
        }
        kept, letters = [], []
        for item in waiting:
            left = room.get(item.event.source, self.parked_per_source)
            if (item.account, item.event.key) in before:
                kept.append(item)
            elif left > 0:
                kept.append(item)
                room[item.event.source] = left - 1
            else:
                letters.append(_parking_full(item, self.parked_per_source))
        await aside.park(connection, kept, now)
        return letters


def _targets_first(events: Sequence[Event]) -> list[Event]:
    """In the order of arrival, but an event that names another one of the batch right after it.

    This is the order of events that come one by one, are parked and released: how a topic is cut
    into batches must not decide which of two events that name the same one comes first.
    """
    named = {(event.subject, target) for event in events if (target := event.target())}
    arrived = named and named & {(event.subject, event.key) for event in events}
    if not arrived:
        return list(events)
    placed: set[Name] = set()
    waiting: dict[Name, list[Event]] = {}
    ordered: list[Event] = []
    for event in events:
        target = event.target()
        name = (event.subject, target) if target is not None else None
        if name in arrived and name not in placed:
            waiting.setdefault(name, []).append(event)
            continue
        ready = [event]
        while ready:
            ordered.append(ready.pop())
            name = (ordered[-1].subject, ordered[-1].key)
            placed.add(name)
            ready += reversed(waiting.pop(name, []))
    # What is left names itself in a ring: any order will do.
    return ordered + [event for ring in waiting.values() for event in ring]


def _conflict(event: Event) -> Refusal:
    return Refusal(
        event, "conflict", f"event {event.id!r} of {event.source!r} came before with other content"
    )


def _parking_full(item: Parked, limit: int) -> DeadLetter:
    detail = (
        f"{limit} events of {item.event.source!r} are parked already; it waits for {item.waits_for}"
    )
    return dead_letter(item.event, item.account, "parking_full", detail)
