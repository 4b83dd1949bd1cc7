"""Caps stay exact whatever is posted at once and in whatever order it comes."""

import asyncio
import random
from collections import defaultdict
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from shared.events.envelope import decode
from tests.integration.conftest import Eventually
from tests.integration.personal.conftest import Desk, payment

ACCOUNTS = ("jsrcb:token-0001", "jsrcb:token-0002")
BUS_MG, BUS_CAP = 98_000, 6
BIKE_CAP = Decimal(20)


def ride(n: int, subject: str, minute: int) -> dict[str, Any]:
    time = f"2026-03-01T{10 + minute // 60:02}:{minute % 60:02}:00+08:00"
    return payment(f"ride-{n}", subject, time, kind="bus_ride", channel="nfc")


def bike(n: int, subject: str, minute: int, km: str) -> dict[str, Any]:
    time = f"2026-03-01T{10 + minute // 60:02}:{minute % 60:02}:00+08:00"
    return payment(f"bike-{n}", subject, time, kind="bike_ride", channel="qr", quantity=km)


def back(of: dict[str, Any]) -> dict[str, Any]:
    return {**of, "id": f"back-{of['id']}", "data": of["data"] | {"reverses": of["id"]}}


async def slots(desk: Desk) -> dict[tuple[str, int], tuple[Decimal, int]]:
    """Quantity and mg credited by account and scenario."""
    rows = await desk.app.state.pool.fetch(
        "select subject, scenario, sum(credited), sum(amount_mg)::bigint "
        "from ledger_entry join subject using (account) where scenario is not null group by 1, 2"
    )
    return {(row[0], row[1]): (row[2], row[3]) for row in rows}


async def ledger(desk: Desk, subject: str) -> dict[str, int]:
    """What each payment of an account gave in the end, by event id."""
    rows = await desk.app.state.pool.fetch(
        "select max(event_id), sum(amount_mg)::bigint from ledger_entry join subject using (account)"
        "where subject = $1 and cause <> 'reversal' group by event_key",
        subject,
    )
    return {row[0]: row[1] for row in rows}


def expected(sent: list[dict[str, Any]], gone: set[str]) -> dict[tuple[str, int], Decimal]:
    """The smaller of the cap and the sum of what is not reversed."""
    claimed: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
    for event in sent:
        scenario = 12 if event["data"]["kind"] == "bus_ride" else 13
        quantity = Decimal(event["data"].get("quantity", 1)) if event["id"] not in gone else 0
        claimed[event["subject"], scenario] += quantity
    caps = {12: Decimal(BUS_CAP), 13: BIKE_CAP}
    return {slot: min(sum_, caps[slot[1]]) for slot, sum_ in claimed.items()}


@pytest.mark.parametrize("seed", range(4))
async def test_caps_are_exact_when_many_connections_post_to_one_slot_at_once(
    desk: Desk, seed: int
) -> None:
    chance = random.Random(seed)
    # Workers try again where two of them make the same accounts at once; here they exist.
    await desk.post(*(payment("first", account, channel="counter") for account in ACCOUNTS))
    minutes = chance.sample(range(240), 40)
    sent = [ride(n, chance.choice(ACCOUNTS), minutes[n]) for n in range(20)]
    sent += [
        bike(n, chance.choice(ACCOUNTS), minutes[20 + n], f"{chance.randrange(1, 5000) / 1000:.3f}")
        for n in range(20)
    ]
    reversed_ = chance.sample(sent, 8)
    everything = sent + [back(event) for event in reversed_] + chance.sample(sent, 10)
    chance.shuffle(everything)
    pieces = [everything[at::6] for at in range(6)]

    async def pour(piece: list[dict[str, Any]]) -> None:
        while piece:
            await desk.post(*piece[:3])
            piece = piece[3:]

    await asyncio.gather(*map(pour, pieces))
    found = await slots(desk)
    gone = {event["id"] for event in reversed_}
    assert {slot: credited for slot, (credited, _) in found.items()} == expected(sent, gone)
    assert await desk.audit() == []
    assert await desk.app.state.pool.fetchval("select count(*) from parked") == 0


async def test_two_transactions_at_the_same_slot_wait_for_each_other(
    desk: Desk, eventually: Eventually
) -> None:
    """The second starts while the first holds the account, and still sees all of its rides."""
    account = ACCOUNTS[0]
    pool, poster = desk.app.state.pool, desk.app.state.poster
    await desk.post(ride(0, account, 0))
    first = [decode(msgspec.json.encode(ride(n, account, n)), strict=False) for n in (1, 2, 3, 4)]

    async def waits() -> bool:
        return bool(await pool.fetchval("select count(*) from pg_locks where not granted"))

    async with pool.acquire() as connection, connection.transaction():
        await poster.post(connection, first, desk.now)
        second = asyncio.create_task(desk.post(*(ride(n, account, n) for n in (5, 6, 7))))
        await eventually(waits, 8)
    await second
    assert await slots(desk) == {(account, 12): (Decimal(BUS_CAP), BUS_CAP * BUS_MG)}


async def test_any_order_of_arrival_gives_the_same_ledger(desk: Desk) -> None:
    account = ACCOUNTS[0]
    sent = [ride(n, account, n * 7 % 60) for n in range(9)]
    sent += [bike(n, account, n * 11 % 60, f"{n}.7") for n in range(9)]
    sent += [back(event) for event in (*sent[:3], *sent[12:14])]
    found = []
    for seed in range(6):
        chance = random.Random(seed)
        arriving = [_of(event, f"jsrcb:token-{seed:04}") for event in sent]
        chance.shuffle(arriving)
        while arriving:
            size = chance.randrange(1, 12)
            batch, arriving = arriving[:size], arriving[size:]
            await desk.post(*batch)
        found.append(await ledger(desk, f"jsrcb:token-{seed:04}"))
    assert all(given == found[0] for given in found)
    assert sum(given for id, given in found[0].items() if id.startswith("ride")) == 6 * BUS_MG


def _of(event: dict[str, Any], subject: str) -> dict[str, Any]:
    return {**event, "subject": subject}
