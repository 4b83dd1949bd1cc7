"""Redemptions: one per key, whatever is asked twice or at once; cancelled as if never made."""

import asyncio
from typing import Any

import pytest

from tests.integration.points.desk import MEMBER, Points, problem

OTHER = "jsrcb:token-0002"


async def rich(points: Points, amount: str = "100") -> None:
    await points.credit("rich", amount)
    await points.offer()


async def test_a_redemption_is_shown_as_it_stands_and_listed_with_its_account(
    points: Points,
) -> None:
    await rich(points)
    made = (await points.redeem("k1", quantity=2)).json()
    points.later()
    cancelled = (await points.cancel(await points.redeemed("k2"))).json()
    assert made.pop("balance") == "60.000"
    assert cancelled.pop("balance") == "60.000"
    assert made == {
        "id": made["id"],
        "account_id": MEMBER,
        "reward_id": "bag",
        "quantity": 2,
        "points": "40.000",
        "status": "redeemed",
        "created_at": "2026-03-01T00:00:00+00:00",
        "cancelled_at": None,
    }
    assert (await points.http.get(f"/v1/redemptions/{made['id']}")).json() == made
    listed = (await points.http.get(f"/v1/accounts/{MEMBER}/redemptions?limit=1")).json()
    rest = await points.http.get(
        f"/v1/accounts/{MEMBER}/redemptions?limit=1&cursor={listed['next']}"
    )
    assert [*listed["items"], *rest.json()["items"]] == [made, cancelled]


async def test_a_redemption_that_is_not_there_is_404(points: Points) -> None:
    path = "/v1/redemptions/00000000-0000-0000-0000-000000000000"
    for answer in (await points.http.get(path), await points.http.post(f"{path}/cancel")):
        assert problem(answer)[:2] == (404, "not-found")


async def test_a_refusal_is_the_answer_of_its_key_for_good(points: Points) -> None:
    """As the draft of the header wants it: the result again, success or error."""
    await rich(points, "10")
    refused = await points.redeem("k1")
    assert problem(refused) == (409, "not-enough-points", "10.000 points, 20.000 needed")
    await points.credit("more", "90")
    again = await points.redeem("k1")
    assert (again.status_code, again.json()) == (409, refused.json())
    assert again.headers["content-type"] == "application/problem+json"
    assert again.headers["idempotency-hit"] == "true"
    assert (await points.redeem("k2")).status_code == 201


async def test_a_request_that_was_never_decided_leaves_its_key_free(points: Points) -> None:
    await points.offer()
    assert problem(await points.redeem("k1"))[:2] == (404, "not-found")
    assert (await points.redeem("k1", quantity=0)).status_code == 422
    await points.credit("rich", "100")
    assert (await points.redeem("k1")).status_code == 201


async def test_a_key_answers_the_same_after_its_redemption_was_cancelled(points: Points) -> None:
    await rich(points)
    first = await points.redeem("k1")
    await points.cancel(first.json()["id"])
    again = await points.redeem("k1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert (await points.balance(), await points.stock()) == ("100.000", 10)


async def test_a_quoted_key_is_the_key(points: Points) -> None:
    await rich(points)
    first, again = await points.redeem("k1"), await points.redeem('"k1"')
    assert again.json() == first.json()
    assert problem(await points.redeem('""'))[:2] == (400, "idempotency-key-missing")


@pytest.mark.parametrize(
    "other", [{"quantity": 2}, {"reward_id": "cup"}, {"account_id": OTHER}, {"points": "20"}]
)
async def test_a_key_with_another_body_is_refused(points: Points, other: dict[str, Any]) -> None:
    await rich(points)
    await points.credit("other", "100", subject=OTHER)
    await points.redeem("k1")
    assert problem(await points.redeem("k1", **other))[:2] == (422, "idempotency-key-reused")
    assert await points.balance() == "80.000"


async def test_the_same_key_while_the_first_is_in_flight_is_a_conflict(
    points: Points, eventually: Any
) -> None:
    await rich(points)
    pool = points.app.state.pool
    waiting = "select exists (select from pg_locks where not granted)"
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("select from account for update")
        first = asyncio.create_task(points.redeem("k1"))
        await eventually(lambda: pool.fetchval(waiting))
        assert problem(await points.redeem("k1"))[:2] == (409, "request-in-flight")
    assert (await first).status_code == 201
    assert (await points.redeem("k1")).json() == (await first).json()


async def test_the_same_key_sent_many_times_at_once_redeems_once(points: Points) -> None:
    await rich(points)
    answers = await asyncio.gather(*(points.redeem("k1") for _ in range(20)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert (await points.balance(), await points.stock()) == ("80.000", 9)


async def test_a_member_pays_what_was_agreed_or_nothing(points: Points) -> None:
    await rich(points)
    await points.offer(points="25")
    status, name, detail = problem(await points.redeem("k1", quantity=2, points="40"))
    assert (status, name) == (409, "price-changed")
    assert detail == "/points: 2 cost 50.000 now, not 40.000"
    assert (await points.redeem("k2", quantity=2, points="50")).status_code == 201
    wrong = await points.redeem("k3", points="0.0001")
    assert wrong.json()["errors"][0]["pointer"] == "/points"


async def test_every_redemption_costs_one_price_while_the_price_changes(points: Points) -> None:
    await rich(points, "1000")
    changes = [points.offer(points=price) for price in ("20", "30", "20", "30")]
    orders = [points.redeem(f"k{n}", quantity=2) for n in range(5)]
    answers = (await asyncio.gather(*changes, *orders))[len(changes) :]
    assert {answer.json()["points"] for answer in answers} <= {"40.000", "60.000"}
    assert await points.stock() == 0
    await points.holds()


async def test_many_cancel_at_once_and_points_and_stock_come_back_once(points: Points) -> None:
    await rich(points)
    id = await points.redeemed("k1", quantity=3)
    answers = await asyncio.gather(*(points.cancel(id) for _ in range(8)))
    assert {answer.json()["status"] for answer in answers} == {"cancelled"}
    assert (await points.balance(), await points.stock()) == ("100.000", 10)
    assert len(await points.told("credited")) == 2
    await points.holds()


async def test_a_redemption_is_cancelled_after_the_offer_has_ended(points: Points) -> None:
    await rich(points)
    id = await points.redeemed("k1")
    await points.offer(valid_until="2026-02-01T00:00:00Z")
    assert (await points.cancel(id)).status_code == 200
    assert (await points.balance(), await points.stock()) == ("100.000", 10)


async def test_returned_points_settle_a_claim_first(points: Points) -> None:
    await rich(points)
    id = await points.redeemed("k1", quantity=5)
    await points.credit("back", "-30")
    assert (await points.member())["claim"] == "30.000"
    assert (await points.cancel(id)).json()["balance"] == "70.000"
    assert (await points.member())["claim"] == "0.000"
    await points.holds()


async def test_an_erased_account_has_no_redemption_any_more(points: Points) -> None:
    await rich(points)
    id = await points.redeemed("k1")
    await points.http.post(f"/v1/accounts/{MEMBER}/freeze", json={"reason": "r"})
    await points.ticks()
    await points.erase()
    assert (await points.http.get(f"/v1/redemptions/{id}")).status_code == 404
    assert (await points.cancel(id)).status_code == 404
    for table in ("idempotency", "freezing", "tier", "tier_due"):
        assert await points.count(table) == 0, table
    await points.holds()


async def test_a_request_that_was_cut_off_leaves_its_key_free(
    points: Points, eventually: Any
) -> None:
    await rich(points)
    pool = points.app.state.pool
    waiting = "select pid from pg_stat_activity where wait_event_type = 'Lock' limit 1"
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("select from account for update")
        first = asyncio.create_task(points.redeem("k1"))
        pid = await eventually(lambda: pool.fetchval(waiting))
        await connection.fetchval("select pg_terminate_backend($1)", pid)
        assert problem(await first)[:2] == (503, "unavailable")
    assert (await points.redeem("k1")).status_code == 201
    assert (await points.balance(), await points.stock()) == ("80.000", 9)
    await points.holds()
