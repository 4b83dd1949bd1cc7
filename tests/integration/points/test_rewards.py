"""Offers: what they cost, from when until when, and how many are left."""

import asyncio
from datetime import datetime
from typing import Any

import pytest

from tests.integration.points.desk import Points, problem

PERSON = "looks like a mobile number; expected no identifier of a person"


async def names(points: Points, query: str = "") -> list[str]:
    answer = await points.http.get(f"/v1/rewards{query}")
    return [reward["id"] for reward in answer.json()["items"]]


async def deliver(points: Points, add: int, reference: str, id: str = "bag") -> Any:
    body = {"add": add, "reference": reference}
    return await points.http.post(f"/v1/rewards/{id}/stock", json=body)


async def test_an_offer_is_shown_as_it_was_made(points: Points) -> None:
    body = {
        "name": "Shopping bag",
        "name_zh": "购物袋",
        "points": "20.125",
        "stock": 3,
        "per_account": 2,
        "valid_from": "2026-01-01T00:00:00+08:00",
        "valid_until": "2027-01-01T00:00:00+08:00",
    }
    made = await points.http.put("/v1/rewards/bag", json=body)
    assert made.status_code == 201
    found = (await points.http.get("/v1/rewards/bag")).json()
    assert found == made.json()
    times = {name: str(body[name]) for name in ("valid_from", "valid_until")}
    for name, text in times.items():
        assert datetime.fromisoformat(found[name]) == datetime.fromisoformat(text)
    assert {k: v for k, v in found.items() if k not in times} == {
        "id": "bag",
        **{k: v for k, v in body.items() if k not in times},
        "available": True,
    }


async def test_rewards_are_listed_by_what_can_be_had_now(points: Points) -> None:
    await points.offer("a")
    await points.offer("b-soon", valid_from="2026-03-01T08:00:01+08:00")
    await points.offer("c-over", valid_until="2026-03-01T08:00:00+08:00")
    await points.offer("d-none", stock=0)
    await points.offer("e", valid_from="2026-03-01T08:00:00+08:00")
    assert await names(points, "?available=true") == ["a", "e"]
    assert await names(points, "?available=false") == ["b-soon", "c-over", "d-none"]
    assert await names(points) == ["a", "b-soon", "c-over", "d-none", "e"]


async def test_rewards_come_in_pages(points: Points) -> None:
    for id in "abcde":
        await points.offer(id)
    first = (await points.http.get("/v1/rewards?limit=3")).json()
    second = (await points.http.get(f"/v1/rewards?limit=3&cursor={first['next']}")).json()
    assert [r["id"] for r in first["items"] + second["items"]] == list("abcde")
    assert second["next"] is None


async def test_an_offer_is_redeemed_in_its_time_only(points: Points) -> None:
    await points.credit("rich", "100")
    begin, end = "2026-03-01T09:00:00+08:00", "2026-03-01T10:00:00+08:00"
    await points.offer(valid_from=begin, valid_until=end)
    assert problem(await points.redeem("early"))[:2] == (409, "reward-not-yet")
    points.later()
    assert (await points.redeem("in time")).status_code == 201
    points.later()
    status, name, detail = problem(await points.redeem("late"))
    assert (status, name) == (409, "reward-ended")
    assert detail == "Reward 'bag' was offered until 2026-03-01T02:00:00+00:00"


async def test_an_operator_ends_an_offer(points: Points) -> None:
    await points.credit("rich", "100")
    await points.offer()
    assert (await points.offer(valid_until=points.now.isoformat())).status_code == 200
    assert problem(await points.redeem("k"))[:2] == (409, "reward-ended")


async def test_a_member_redeems_no_more_than_the_limit_and_cancelled_ones_do_not_count(
    points: Points,
) -> None:
    await points.credit("rich", "100")
    await points.offer(per_account=2)
    id = await points.redeemed("k1", quantity=2)
    _, name, detail = problem(await points.redeem("k2"))
    assert (name, detail) == ("limit-per-account", "2 per account, 2 redeemed already")
    await points.cancel(id)
    assert (await points.redeem("k3")).status_code == 201


async def test_changing_an_offer_does_not_undo_what_was_redeemed(points: Points) -> None:
    await points.credit("rich", "100")
    await points.offer()
    await points.redeemed("k", quantity=3)
    changed = await points.offer(points="25", name="Better bag")
    assert (changed.status_code, changed.json()["stock"]) == (200, 7)
    status, name, detail = problem(await points.offer(stock=7))
    assert (status, name) == (409, "stock-moves")
    assert detail == (
        "/stock: the offer began with 10; to change what is left, POST /v1/rewards/bag/stock"
    )
    assert (await points.http.get("/v1/rewards/bag")).json()["name"] == "Better bag"
    await points.holds()


async def test_a_delivery_counts_once_beside_redemptions(points: Points) -> None:
    await points.credit("rich", "200")
    await points.offer(stock=5)
    orders = [points.redeem(f"k{n}") for n in range(5)]
    deliveries = [deliver(points, 10, f"DN-{n % 3}") for n in range(6)]
    answers = await asyncio.gather(*orders, *deliveries)
    assert {answer.status_code for answer in answers} == {200, 201}
    assert await points.stock() == 5 - 5 + 30
    await points.holds()


async def test_a_reference_that_came_with_another_number_is_refused(points: Points) -> None:
    await points.offer()
    assert (await deliver(points, 5, "DN-1")).json()["stock"] == 15
    status, name, detail = problem(await deliver(points, 6, "DN-1"))
    assert (status, name) == (422, "reference-reused")
    assert detail == "/reference: 'DN-1' has come before with 5"


async def test_no_offer_or_delivery_is_called_as_a_person_is(points: Points) -> None:
    offer = await points.offer("13812345678")
    assert offer.json()["errors"] == [{"pointer": "/path/id", "detail": PERSON}]
    await points.offer()
    delivery = await deliver(points, 1, "van of 13812345678")
    assert delivery.json()["errors"] == [{"pointer": "/reference", "detail": PERSON}]


async def test_items_are_taken_off_the_shelf_but_never_more_than_are_there(points: Points) -> None:
    await points.offer()
    assert (await deliver(points, -4, "broken")).json()["stock"] == 6
    status, name, detail = problem(await deliver(points, -7, "more broken"))
    assert (status, name) == (409, "stock-out-of-range")
    assert detail == "6 in stock, -7 to add: expected 0 to 1000000000"
    assert (await deliver(points, -6, "more broken")).json()["stock"] == 0
    await points.holds()


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [
        ({"points": "0.0001"}, "/points", "expected at most 3 places, got 0.0001"),
        ({"points": "0"}, "/points", "expected more than 0 and less than 1000000000"),
        ({"stock": -1}, "/stock", "Expected `int` >= 0"),
        ({"per_account": 0}, "/per_account", "Expected `int` >= 1"),
        ({"name_zh": ""}, "/name_zh", "must not be blank"),
        ({"name": "for 13812345678"}, "/name", PERSON),
        ({"name_zh": "给13812345678"}, "/name_zh", PERSON),
        (
            {"points": "20.00000000000000000000000000001"},
            "/points",
            "expected at most 3 places, got 20.00000000000000000000000000001",
        ),
        (
            {"valid_from": "2026-02-01T00:00:00Z", "valid_until": "2026-02-01T00:00:00Z"},
            "/valid_until",
            "expected a time after valid_from 2026-02-01T00:00:00+00:00",
        ),
    ],
)
async def test_a_wrong_offer_is_refused_with_the_field(
    points: Points, changes: dict[str, Any], pointer: str, detail: str
) -> None:
    answer = await points.offer(**changes)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": pointer, "detail": detail}]


async def test_whether_it_is_available_is_true_or_false(points: Points) -> None:
    answer = await points.http.get("/v1/rewards?available=maybe")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/query/available"


async def test_a_reward_that_is_not_there_is_404(points: Points) -> None:
    for answer in (await points.http.get("/v1/rewards/bag"), await deliver(points, 1, "DN-1")):
        assert problem(answer) == (404, "not-found", "There is no reward 'bag'")


async def test_an_id_has_ascii_letters_only(points: Points) -> None:
    answer = await points.offer("购物袋")
    expected = "expected up to 64 letters, digits, '.', '_' and '-'"
    assert problem(answer) == (422, "invalid-parameter", f"/path/id: {expected}")
    assert answer.json()["errors"] == [{"pointer": "/path/id", "detail": expected}]
