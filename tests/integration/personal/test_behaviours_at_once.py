"""One behaviour is credited once, whichever banks report it at the same time."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from services.personal import reports
from shared.database import Connection, OvertakenError
from shared.events.envelope import Event
from shared.stream.poster import Poster
from tests.integration.personal.behaviours import (
    HERE,
    NOW,
    RIDE,
    THERE,
    THIRD,
    Service,
    back,
    cut,
    paid,
    some_events,
)


@pytest.fixture
async def service(start: Any, client: Callable[..., Any]) -> AsyncIterator[Service]:
    app = await start("personal", role="api")
    app.state.clock = lambda: NOW
    async with client(app) as http:
        yield Service(app.state, http)


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
