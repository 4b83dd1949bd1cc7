"""A frozen account redeems nothing; everything else goes on."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from tests.integration.points.desk import MEMBER, Points, problem

PATH = f"/v1/accounts/{MEMBER}"


async def freeze(points: Points, reason: str = "card stolen 卡被盗") -> Any:
    return await points.http.post(f"{PATH}/freeze", json={"reason": reason})


async def rich(points: Points) -> None:
    await points.credit("rich", "100")
    await points.offer()


async def test_a_frozen_account_shows_since_when_why_and_by_whom(points: Points) -> None:
    await rich(points)
    assert (await points.member())["frozen"] is None
    answer = await freeze(points)
    assert answer.status_code == 200
    assert answer.json()["frozen"] == (await points.member())["frozen"]
    assert answer.json()["frozen"] == {
        "since": "2026-03-01T00:00:00+00:00",
        "reason": "card stolen 卡被盗",
        "by": "local",
    }


async def test_a_frozen_account_redeems_nothing_and_is_told_why(points: Points) -> None:
    await rich(points)
    await freeze(points)
    status, name, detail = problem(await points.redeem("k"))
    assert (status, name) == (409, "account-frozen")
    assert "card stolen 卡被盗" in detail
    assert (await points.balance(), await points.stock()) == ("100.000", 10)


async def test_credits_reversals_and_cancellations_go_on_while_frozen(points: Points) -> None:
    await rich(points)
    id = await points.redeemed("k")
    await freeze(points)
    await points.credit("more", "7")
    await points.credit("less", "-2")
    assert (await points.cancel(id)).status_code == 200
    assert (await points.balance(), await points.stock()) == ("105.000", 10)


async def test_an_account_let_go_redeems_again_and_its_history_is_kept(points: Points) -> None:
    await rich(points)
    await freeze(points, "first")
    points.later()
    assert (await points.http.post(f"{PATH}/unfreeze")).json()["frozen"] is None
    assert (await points.redeem("k")).status_code == 201
    points.later()
    await freeze(points, "second")
    history = (await points.http.get(f"{PATH}/freezings")).json()["items"]
    assert [(h["reason"], h["lifted_by"]) for h in history] == [
        ("first", "local"),
        ("second", None),
    ]
    assert history[0]["lifted_at"] is not None


async def test_the_history_keeps_its_order_whatever_the_clocks_say(points: Points) -> None:
    await rich(points)
    for number, seconds in enumerate((0, 0, -1)):
        points.now += timedelta(seconds=seconds)
        assert (await freeze(points, f"freeze {number}")).status_code == 200
        assert (await points.http.post(f"{PATH}/unfreeze")).status_code == 200
    history = (await points.http.get(f"{PATH}/freezings")).json()["items"]
    assert [h["reason"] for h in history] == ["freeze 0", "freeze 1", "freeze 2"]
    times = [datetime.fromisoformat(t) for h in history for t in (h["since"], h["lifted_at"])]
    assert times == sorted(times)


async def test_freezing_twice_and_letting_go_twice_are_conflicts(points: Points) -> None:
    await rich(points)
    first = await asyncio.gather(*(freeze(points) for _ in range(4)))
    assert sorted(answer.status_code for answer in first) == [200, 409, 409, 409]
    _, name, detail = problem(await freeze(points, "again"))
    assert name == "already-frozen"
    assert "card stolen 卡被盗" in detail
    assert (await points.http.post(f"{PATH}/unfreeze")).status_code == 200
    assert problem(await points.http.post(f"{PATH}/unfreeze"))[:2] == (409, "not-frozen")


async def test_bad_requests_say_what_was_expected(points: Points) -> None:
    await rich(points)
    nothing = await points.http.post(f"{PATH}/freeze", json={})
    assert nothing.json()["errors"] == [{"pointer": "/reason", "detail": "is missing"}]
    named = await points.http.post(f"{PATH}/freeze", json={"reason": "ask 13812345678"})
    assert named.json()["errors"][0]["pointer"] == "/reason"
    assert "looks like a mobile number" in named.text
    unknown = "/v1/accounts/jsrcb:token-9999"
    answer = await points.http.post(f"{unknown}/freeze", json={"reason": "r"})
    assert problem(answer) == (404, "not-found", "There is no account 'jsrcb:token-9999'")
    assert (await points.http.post(f"{unknown}/unfreeze")).status_code == 404
