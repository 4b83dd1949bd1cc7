"""Payments that report behaviours, posted as a worker does."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from services.personal.audit import audit
from shared.database import TRANSIENT
from shared.events.envelope import Event, decode
from shared.events.ids import event_key
from shared.stream.poster import Poster

HERE, THERE, THIRD = "jsrcb:token-0001", "icbc:token-0001", "boc:token-0001"
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
GIVEN = """
select s.subject, e.event_key, sum(e.amount_mg)::bigint
from ledger_entry e join subject s on s.account = e.account
where e.scenario is not null group by 1, 2
"""
ENDED = """
select l.reason, l.cause, sum(e.amount_mg)::bigint
from ledger_entry e
join ledger_entry l on l.account = e.account and l.event_key = e.event_key and l.line = 0
where l.event_key = $1 group by 1, 2
"""
RIDE = 98_000


def paid(id: str, subject: str, minute: int = 0, ref: str | None = "ride-1", **data: Any) -> Event:
    bank, _ = subject.split(":")
    given = {"kind": "bus_ride", "channel": "nfc", "amount": "2", "currency": "CNY"}
    sent = {
        "specversion": "1.0",
        "type": "cn.tanzhang.payment.v1",
        "source": f"urn:bank:{bank}",
        "id": id,
        "subject": subject,
        "time": (BEGIN + timedelta(minutes=minute)).isoformat(),
        "data": given | ({"channel_ref": ref} if ref else {}) | data,
    }
    return decode(msgspec.json.encode(sent), strict=True)


def back(id: str, subject: str) -> Event:
    return paid(f"back-{id}", subject, 2000, None, reverses=id)


@dataclass
class Service:
    """The service without its worker: batches are posted as a worker does."""

    state: Any
    http: Any

    @property
    def poster(self) -> Poster[Any, Any]:
        found: Poster[Any, Any] = self.state.poster
        return found

    async def post(self, *events: Event, poster: Poster[Any, Any] | None = None) -> Any:
        async with self.state.pool.acquire() as connection, connection.transaction():
            return await (poster or self.poster).post(connection, events, NOW)

    async def work(self, batches: Sequence[Sequence[Event]]) -> int:
        """Post batches one after the other, each until it succeeds; how often it didn't."""
        failures = 0
        for batch in batches:
            while True:
                try:
                    await self.post(*batch)
                    break
                except TRANSIENT:
                    failures += 1
        return failures

    async def given(self) -> dict[tuple[str, bytes], int]:
        """Milligrams by account and payment."""
        return {(row[0], row[1]): row[2] for row in await self.state.pool.fetch(GIVEN)}

    async def amount(self, id: str, subject: str) -> tuple[str | None, int]:
        """The reason of a payment's first entry, and what it gives in the end."""
        key = event_key(f"urn:bank:{subject.partition(':')[0]}", id)
        [row] = await self.state.pool.fetch(ENDED, key)
        return row[0], row[2]

    async def balance(self, subject: str) -> int:
        sql = "select balance from subject s join account a on a.number = s.account where subject = $1"
        found: int = await self.state.pool.fetchval(sql, subject)
        return found

    async def findings(self) -> list[Any]:
        async with self.state.pool.acquire() as connection:
            return [(f.what, f.expected, f.found) for f in await audit(connection)]

    async def erase(self, subject: str) -> None:
        answer = await self.http.delete(f"/v1/accounts/{subject}")
        assert answer.status_code == 204, answer.text

    async def empty(self) -> None:
        """As before the first event."""
        tables = await self.state.pool.fetch(
            "select tablename from pg_tables where schemaname = 'personal'"
            " and tablename not in ('alembic_version', 'consumer_offset')"
        )
        await self.state.pool.execute(f"truncate {', '.join(row[0] for row in tables)}")


def some_events(chance: random.Random, subject: str, count: int) -> list[Event]:
    """Rides, meter bills and their reversals of an account; a few references, shared by all."""
    events = []
    for n in range(count):
        ref = chance.choice([None, *(f"ref-{n}" for n in range(6))])
        kind = chance.choice(["bus_ride", "bus_ride", "electricity_saving"])
        year = chance.choice([0, 365 * 24 * 60]) if kind == "electricity_saving" else 0
        more = {"quantity": str(chance.randrange(1, 500))} if year or kind != "bus_ride" else {}
        events.append(paid(f"p{n}", subject, year + chance.randrange(9), ref, kind=kind, **more))
        if chance.random() < 0.4:
            events.append(back(f"p{n}", subject))
    chance.shuffle(events)
    return events


def cut(chance: random.Random, events: Sequence[Event]) -> list[Sequence[Event]]:
    """Batches of some events each."""
    batches = []
    while events:
        size = chance.randrange(1, 12)
        batches.append(events[:size])
        events = events[size:]
    return batches
