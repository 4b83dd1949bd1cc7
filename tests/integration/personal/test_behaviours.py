"""One behaviour is credited once, whichever banks report it: on the real database, at once."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from services.personal import reports
from services.personal.audit import audit
from shared.database import TRANSIENT, Connection, OvertakenError
from shared.database.migrations import check
from shared.events.envelope import Event, decode
from shared.events.ids import event_key
from shared.stream import outbox
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


@pytest.fixture
async def service(start: Any, client: Callable[..., Any]) -> AsyncIterator[Service]:
    app = await start("personal", role="api")
    app.state.clock = lambda: NOW
    async with client(app) as http:
        yield Service(app.state, http)


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


async def test_the_tables_are_what_the_migrations_make(service: Service) -> None:
    await check(service.state.settings.database("personal"), "personal")


async def test_the_first_report_counts_and_the_other_says_why_not(service: Service) -> None:
    await service.post(paid("b", THERE, 1))
    await service.post(paid("a", HERE, 2))
    assert await service.amount("b", THERE) == (None, RIDE)
    assert await service.amount("a", HERE) == ("duplicate_behaviour", 0)
    assert await service.findings() == []


async def test_an_earlier_report_moves_the_credit_and_a_reversal_moves_it_back(
    service: Service,
) -> None:
    await service.post(paid("b", THERE, 1))
    await service.post(paid("a", HERE, 0))
    assert (await service.balance(HERE), await service.balance(THERE)) == (RIDE, 0)
    assert await service.findings() == []
    await service.post(back("a", HERE))
    assert (await service.balance(HERE), await service.balance(THERE)) == (0, RIDE)
    assert await service.findings() == []
    entries = (await service.http.get(f"/v1/accounts/{THERE}/entries")).json()["items"]
    assert [(e["cause"], e["reduction_g"]) for e in entries] == [
        ("payment", "98.000"),
        ("displaced", "-98.000"),
        ("counted", "98.000"),
    ]


async def test_what_moves_is_told_with_the_next_sequence_of_its_account(service: Service) -> None:
    await service.post(paid("b", THERE, 1))
    await service.post(paid("a", HERE, 0))
    async with service.state.pool.acquire() as connection:
        rows = await outbox.waiting(connection, 100)
    told = [msgspec.json.decode(value) for row in rows for _, value in row[2]]
    there = [e["data"] for e in told if e["subject"] == THERE]
    assert [(d["sequence"], d["reduction_g"], d["cause"]) for d in there] == [
        (1, "98.000", "b"),
        (2, "-98.000", "b"),
    ]


async def test_a_reversal_that_comes_first_leaves_the_credit_to_the_next(service: Service) -> None:
    await service.post(back("a", HERE), paid("b", THERE, 1))
    await service.post(paid("a", HERE, 0))
    assert (await service.balance(HERE), await service.balance(THERE)) == (0, RIDE)
    assert await service.findings() == []


async def test_repetitions_and_conflicts_move_nothing(service: Service) -> None:
    await service.post(paid("b", THERE, 1), paid("a", HERE, 0))
    again = await service.post(paid("b", THERE, 1), paid("a", HERE, 0))
    assert again.duplicates == 2
    conflict = await service.post(paid("b", THERE, 0, "ride-2"))
    assert conflict.refused == {"conflict": 1}
    assert await service.balance(HERE) == RIDE
    assert await service.findings() == []


async def test_what_an_erased_account_was_credited_stays_and_excludes_others(
    service: Service,
) -> None:
    await service.post(paid("b", THERE, 1), paid("c", THERE, 3, "ride-2"))
    await service.post(paid("early", HERE, 2, "ride-2"))
    await service.erase(THERE)
    await service.post(paid("a", HERE, 0))
    assert await service.amount("a", HERE) == ("duplicate_behaviour", 0)
    assert await service.amount("b", THERE) == (None, RIDE)
    # What it had not been credited it never will be.
    await service.post(back("early", HERE))
    assert await service.amount("c", THERE) == (None, 0)
    assert await service.balance(HERE) == 0
    assert await service.findings() == []


async def test_nothing_links_an_erased_account_to_what_others_report(service: Service) -> None:
    await service.post(paid("b", THERE, 1), paid("c", THERE, 3, "ride-2"))
    await service.post(paid("a", HERE, 2), paid("d", HERE, 2, "ride-2"))
    pool = service.state.pool
    number = await pool.fetchval("select account from subject where subject = $1", THERE)
    await service.erase(THERE)
    sql = "select count(*) from {} where account = $1 {}"
    assert await pool.fetchval(sql.format("behaviour_report", ""), number) == 0
    assert await pool.fetchval(sql.format("ledger_entry", "and reference is not null"), number) == 0
    kept = await pool.fetch("select account, event_key from behaviour_report where not movable")
    assert [tuple(row) for row in kept] == [(0, b"")]


async def test_a_fresh_account_under_an_erased_name_is_not_credited_again(
    service: Service,
) -> None:
    await service.post(paid("b", THERE, 1))
    await service.erase(THERE)
    later = paid("again", THERE, 60 * 24 * 100)
    await service.post(later)
    assert await service.amount("again", THERE) == ("duplicate_behaviour", 0)
    assert await service.findings() == []


@pytest.mark.parametrize("seed", range(4))
async def test_banks_that_report_at_once_are_credited_as_if_one_came_after_the_other(
    service: Service, seed: int
) -> None:
    chance = random.Random(seed)
    streams = [some_events(chance, subject, 60) for subject in (HERE, THERE, THIRD)]
    # Workers of different partitions: none shares an account with another.
    failures = await asyncio.gather(*(service.work(cut(chance, s)) for s in streams))
    assert await service.findings() == []
    at_once = await service.given()
    assert sum(failures) == 0, "nobody waited in a ring"

    await service.empty()
    everything = [event for stream in streams for event in stream]
    chance.shuffle(everything)
    await service.work(cut(chance, everything))
    assert await service.given() == at_once
    assert await service.findings() == []


async def test_two_banks_that_report_new_behaviours_at_once_are_credited_once(
    service: Service,
) -> None:
    names = [f"ride-{n}" for n in range(40)]
    here = [[paid(name, HERE, 60 * 24 * n, name)] for n, name in enumerate(names)]
    there = [[paid(name, THERE, 60 * 24 * n + 1, name)] for n, name in enumerate(names)]
    await asyncio.gather(
        *(service.work([batch]) for pair in zip(here, there, strict=True) for batch in pair)
    )
    assert (await service.balance(HERE), await service.balance(THERE)) == (40 * RIDE, 0)
    assert await service.findings() == []


async def test_erasures_among_banks_that_report_at_once(
    service: Service, eventually: Callable[..., Awaitable[Any]]
) -> None:
    chance = random.Random(7)
    subjects = [f"boc:token-{n:04}" for n in range(6)]
    streams = [some_events(chance, subject, 20) for subject in subjects]

    async def vanish(subject: str) -> None:
        async def erased() -> bool:
            return bool((await service.http.delete(f"/v1/accounts/{subject}")).is_success)

        await eventually(erased)

    await asyncio.gather(
        *(service.work(cut(chance, s)) for s in streams), *map(vanish, subjects[:3])
    )
    assert await service.findings() == []


Between = Callable[[Connection], Awaitable[None]]


def interrupted(service: Service, between: Callable[[], Awaitable[None]]) -> Poster[Any, Any]:
    """A worker that something overtakes between what it looks up and its locks of accounts."""

    async def reach(connection: Connection, events: Sequence[Event]) -> Any:
        found = await reports.reach(connection, events)
        await between()
        return found

    changed = replace(service.poster.service, reach=reach)
    return Poster(changed, parked_per_source=10)


async def test_a_worker_overtaken_by_an_erasure_tries_again(service: Service) -> None:
    await service.post(paid("a", HERE, 0), paid("b", THERE, 1), paid("c", THIRD, 2))
    worker = interrupted(service, lambda: service.erase(THERE))
    # The next in line was erased: the credit would go to an account that is not locked.
    with pytest.raises(OvertakenError):
        await service.post(back("a", HERE), poster=worker)
    assert await service.findings() == []
    await service.post(back("a", HERE))
    assert await service.amount("c", THIRD) == ("duplicate_behaviour", RIDE)
    assert await service.findings() == []


async def test_a_worker_overtaken_by_the_erasure_of_who_counts_leaves_the_credit_there(
    service: Service,
) -> None:
    await service.post(paid("b", THERE, 1))
    worker = interrupted(service, lambda: service.erase(THERE))
    await service.post(paid("a", HERE, 0), poster=worker)
    assert await service.amount("a", HERE) == ("duplicate_behaviour", 0)
    assert await service.findings() == []


async def test_payments_without_a_reference_leave_no_trace_in_the_tables(
    service: Service,
) -> None:
    await service.post(paid("a", HERE, 0, None), back("a", HERE), paid("b", THERE, 0, None))
    for table in ("channel_reference", "behaviour_report"):
        assert await service.state.pool.fetchval(f"select count(*) from {table}") == 0
    assert await service.balance(THERE) == RIDE


@pytest.mark.parametrize(
    "damage",
    [
        "update ledger_entry set reason = null where reason = 'duplicate_behaviour'",
        "delete from behaviour_report",
        "update behaviour_report set movable = false",
        "update ledger_entry set reason = 'duplicate_behaviour' where line = 0",
    ],
)
async def test_the_audit_sees_a_behaviour_that_counts_twice_or_not_at_all(
    service: Service, damage: str
) -> None:
    await service.post(paid("b", THERE, 1), paid("a", HERE, 0))
    assert await service.findings() == []
    await service.state.pool.execute(damage)
    assert any("report" in what for what, _, _ in await service.findings())


async def test_two_workers_on_the_real_broker_credit_each_behaviour_once(
    start: Any, publish: Any, client: Callable[..., Any], eventually: Any, read_topic: Any
) -> None:
    app = await start("personal")
    await start("personal")
    banks = [f"bank{n}:token-0001" for n in range(8)]  # on all partitions
    sent = [
        msgspec.json.decode(paid(f"p{n}", bank, place, f"ride-{n}").raw)
        for n in range(6)
        for place, bank in enumerate(banks)
    ]
    last = msgspec.json.decode(back("p0", banks[0]).raw)
    await publish("payments", [*reversed(sent), last])
    pool = app.state.pool

    async def posted() -> bool:
        return bool(
            await pool.fetchval("select count(*) from ledger_entry where line = 0") == len(sent) + 1
            and await pool.fetchval("select count(*) from outbox") == 0
        )

    await eventually(posted)
    async with client(app) as http:
        service = Service(app.state, http)
        assert await service.findings() == []
        assert [await service.balance(bank) for bank in banks] == [5 * RIDE, RIDE, *[0] * 6]
    told: dict[str, int] = dict.fromkeys(banks, 0)
    for event in await read_topic("personal-reductions"):
        told[event["subject"]] += int(float(event["data"]["reduction_g"]) * 1000)
    assert list(told.values()) == [5 * RIDE, RIDE, *[0] * 6]
