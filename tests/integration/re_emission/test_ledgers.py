"""What each ledger says again, and that nobody is disturbed by it."""

from typing import Any

import msgspec
import pytest

from shared.events.envelope import decode
from tests.integration.re_emission.conftest import START, Desk, OpenDesk, event, payment

ANN, BEN, CEM = (f"jsrcb:token-000{n}" for n in range(3))
# Of each account: plain ones, a cap that is filled in another order, one taken back, one in vain.
PAYMENTS = [
    *(payment(f"{who[-1]}-p", who) for who in (ANN, BEN, CEM)),
    *(payment(f"a-r{n}", ANN, n, "bus_ride") for n in reversed(range(8))),
    payment("a-back", ANN, 12, "bus_ride", reverses="a-r0"),
    payment("b-counter", BEN, channel="counter"),
    payment("b-ev", BEN, 11, "ev_charging", quantity="5.5"),
]


def by_subject(messages: list[bytes]) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for message in messages:
        found.setdefault(msgspec.json.decode(message)["subject"], []).append(message)
    return found


def said(message: bytes) -> tuple[bytes, bytes]:
    """Who an event is and what it says, as its consumers compare it."""
    event = decode(message, strict=False)
    return event.key, event.content


def data_of(message: bytes) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(message)["data"]
    return found


async def posted(desk: Desk) -> list[bytes]:
    """Each payment in a batch of its own, so that caps are corrected; what that sent."""
    for one in PAYMENTS:
        await desk.post([one])
    return await desk.sent()


@pytest.mark.parametrize("accounts_per_lot", [1, 2, 500])
async def test_reductions_are_the_same_to_the_byte(desk: OpenDesk, accounts_per_lot: int) -> None:
    personal = await desk("personal")
    sent = await posted(personal)
    assert len(sent) > len(PAYMENTS)
    lots: list[tuple[int, ...]] = []
    again = await personal.sent_again(
        START, accounts_per_lot=accounts_per_lot, on_lot=lambda *lot: lots.append(lot)
    )
    assert by_subject(again) == by_subject(sent)
    assert lots[-1] == (3, 3, len(sent))
    assert len(lots) == -(-3 // accounts_per_lot)


async def test_what_moved_between_accounts_is_said_again_to_the_byte(desk: OpenDesk) -> None:
    personal = await desk("personal")
    rides = [payment(f"b-r{n}", BEN, 10 + n, "bus_ride", channel_ref=f"ride-{n}") for n in range(8)]
    same = [payment("a-r0", ANN, 9, "bus_ride", channel_ref="ride-0")]
    for one in [*rides, *same, payment("a-back", ANN, 23, "bus_ride", reverses="a-r0")]:
        await personal.post([one])
    sent = await personal.sent()
    moved = [data_of(m)["cause"] for m in by_subject(sent)[BEN][6:]]
    assert moved == ["b-r0"] * 4  # taken, the cap refilled, and both back
    assert by_subject(await personal.sent_again(START)) == by_subject(sent)


async def test_only_what_was_posted_since_and_in_order(desk: OpenDesk) -> None:
    personal = await desk("personal")
    before = await posted(personal)
    since = personal.later()
    await personal.post(
        [payment("late-1", ANN, 13), payment("late-2", ANN, 14, "walking", quantity="9")]
    )
    after = await personal.sent()
    assert len(after) == 2
    assert await personal.sent_again(since) == after
    assert len(await personal.sent_again(START)) == len(before) + 2
    assert await personal.sent_again(personal.later()) == []


async def test_an_erased_account_has_nothing_to_say(desk: OpenDesk) -> None:
    personal = await desk("personal")
    sent = by_subject(await posted(personal))
    assert (await personal.http.delete(f"/v1/accounts/{BEN}")).status_code == 204
    assert len(await personal.sent()) == 1
    again = by_subject(await personal.sent_again(START))
    assert again == {ANN: sent[ANN], CEM: sent[CEM]}


async def test_points_know_the_repetition_and_say_theirs_again(desk: OpenDesk) -> None:
    personal, points = await desk("personal"), await desk("points")
    reductions = await posted(personal)
    await points.post(reductions)
    await points.http.put("/v1/rewards/bag", json={"name": "bag", "points": "20", "stock": 9})
    order = {"account_id": ANN, "reward_id": "bag", "quantity": 2}
    answer = await points.http.post("/v1/redemptions", json=order, headers={"idempotency-key": "k"})
    assert answer.status_code == 201, answer.text
    path = f"/v1/redemptions/{answer.json()['id']}/cancel"
    assert (await points.http.post(path)).status_code == 200
    sent, ledger = await points.sent(), await points.rows("posting")

    repeated = await points.post(await personal.sent_again(START))
    assert (repeated.posted, repeated.duplicates) == (0, len(reductions))
    assert not repeated.refused
    assert await points.rows("posting") == ledger

    again = await points.sent_again(START)
    assert by_subject(again) == by_subject(sent)
    assert {msgspec.json.decode(message)["type"].split(".")[3] for message in again} == {
        "credited",
        "reversed",
        "redeemed",
    }


async def test_balances_said_again_count_what_came_before(desk: OpenDesk) -> None:
    points, personal = await desk("points"), await desk("personal")
    await points.post(await posted(personal))
    await points.sent()
    since = points.later()
    await personal.post([payment("late", ANN, 13)])
    await points.post(await personal.sent())
    sent = await points.sent()
    assert len(sent) == 1
    assert await points.sent_again(since) == sent


async def test_a_tier_is_said_as_it_stands_and_newer(desk: OpenDesk) -> None:
    personal, points = await desk("personal"), await desk("points")
    await personal.post([payment("big", ANN, kind="ev_charging", quantity="10"), payment("b", BEN)])
    await points.post(await personal.sent())
    await points.tick()
    told = [data_of(message) for message in await points.sent()][-1]
    assert told["tier"] == "medium"

    *moved, tier = [data_of(message) for message in await points.sent_again(START)]
    assert len(moved) == 2
    assert tier == {**told, "sequence": told["sequence"] + 1}
    [account] = [row for row in await points.rows("account") if row["balance"] == 4_800_000]
    assert account["sequence"] == tier["sequence"]


YEAR = {"start": "2025-01-01", "end": "2026-01-01"}
FARM = "farm:sanyi"
ENTERPRISE = "91330800704205947U"


async def test_farms_are_said_as_they_stand_and_keep_their_labels(desk: OpenDesk) -> None:
    agri, grading = await desk("agri"), await desk("grading")
    body = {"name": "三易", "type": "breeding", "district": "kecheng"}
    assert (await agri.http.put(f"/v1/farms/{FARM}", json=body)).status_code == 201
    straw = {"pathway": "straw_return", "area_ha": "364.76", "straw_kg_per_ha": "1920"}
    power = {"pathway": "emission", "source": "electricity", "quantity": "1000", "unit": "MWh"}
    at = "2026-01-10T08:00:00+08:00"
    await agri.post([event("farm.record", "f1", FARM, at, parcel_id="fields", **straw, **YEAR)])
    await agri.post([event("farm.record", "f2", FARM, at, parcel_id="barn", **power, **YEAR)])
    states = await agri.sent()
    await grading.post(states)
    labels, changes = await grading.rows("label_history"), await grading.sent()
    assert labels

    again = await agri.sent_again(START)
    newest, [repeated] = data_of(states[-1]), [data_of(message) for message in again]
    assert repeated == {**newest, "sequence": newest["sequence"] + 1}
    await grading.post(again)
    assert await grading.rows("label_history") == labels
    assert await grading.sent() == []
    assert list(map(said, await grading.sent_again(START))) == list(map(said, changes))
    assert await agri.sent_again(agri.later()) == []


async def test_enterprises_are_said_as_they_stand(desk: OpenDesk) -> None:
    industrial = await desk("industrial")
    enterprise = {
        "name": "华康药业", "sector": "1495", "district": "开化县", "grid_region": "zhejiang",
        "product": "xylitol", "product_unit": "t",
    }  # fmt: skip
    answer = await industrial.http.put(f"/v1/enterprises/{ENTERPRISE}", json=enterprise)
    assert answer.status_code == 201, answer.text
    report = {"product": "xylitol", "quantity": "120", "unit": "t"}
    emission = {"activity": "direct.co2", "quantity": "12.5", "unit": "t"}
    at = "2026-01-10T08:00:00+08:00"
    months = {"start": "2024-12-01", "end": "2025-02-01"}
    await industrial.post(
        [
            event("production.report", "p", ENTERPRISE, at, **report, **months),
            event("process.activity", "a", ENTERPRISE, at, **emission, **months),
        ]
    )
    states = [data_of(message) for message in await industrial.sent()]
    last = max(state["sequence"] for state in states)
    again = [data_of(message) for message in await industrial.sent_again(START)]
    assert [state["sequence"] for state in again] == [last + 1, last + 2]

    def figures(found: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
        return {state["year"]: state | {"sequence": 0} for state in found}

    assert figures(again) == figures(states)
    assert set(figures(again)) == {2024, 2025}
