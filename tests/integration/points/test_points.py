"""Reductions in, points out; rewards redeemed without ever going below zero."""

import asyncio
from decimal import Decimal
from typing import Any

MEMBER = "jsrcb:token-0001"


def reduction(
    sequence: int, grams: str, *, subject: str = MEMBER, epoch: int = 1
) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "type": "cn.tanzhang.personal.reduction.v1",
        "source": "urn:tanzhang:personal",
        "id": f"{subject}-{epoch}-{sequence}",
        "subject": subject,
        "time": "2026-03-01T10:00:00+08:00",
        "data": {
            "epoch": epoch,
            "sequence": sequence,
            "scenario": "ONLINE_TRANSFER",
            "reduction_g": grams,
            "occurred_at": "2026-03-01T10:00:00+08:00",
            "capped": False,
            "factor_set": "scenarios@1",
            "cause": "p1",
        },
    }


async def member(http: Any, subject: str = MEMBER) -> Any:
    return (await http.get(f"/v1/accounts/{subject}")).json()


def has_balance(http: Any, balance: str, subject: str = MEMBER) -> Any:
    async def check() -> bool:
        return bool((await member(http, subject)).get("balance") == balance)

    return check


async def offer(http: Any, **changes: Any) -> None:
    body = {"name": "Shopping bag 购物袋", "points": "20.000", "stock": 10} | changes
    answer = await http.put("/v1/rewards/bag", json=body)
    assert answer.status_code in (200, 201), answer.text


async def redeem(http: Any, key: str, quantity: int = 1, subject: str = MEMBER) -> Any:
    body = {"account_id": subject, "reward_id": "bag", "quantity": quantity}
    return await http.post("/v1/redemptions", json=body, headers={"idempotency-key": key})


async def test_one_gram_is_one_point_and_counted_once(
    start: Any, publish: Any, client: Any, eventually: Any, read_topic: Any
) -> None:
    app = await start("points")
    await publish("personal-reductions", [reduction(1, "23.096"), reduction(1, "23.096")])
    async with client(app) as http:
        await eventually(has_balance(http, "23.096"))

    async def credited() -> list[dict[str, Any]]:
        events = await read_topic("point-credits")
        return [e for e in events if e["type"] == "cn.tanzhang.points.credited.v1"]

    [event] = await eventually(credited)
    assert (
        Decimal(event["data"]["points"]) == Decimal(event["data"]["balance"]) == Decimal("23.096")
    )


async def test_a_reversal_of_spent_points_becomes_a_claim_that_credits_settle_first(
    start: Any, publish: Any, client: Any, eventually: Any
) -> None:
    app = await start("points")
    await publish("personal-reductions", [reduction(1, "50")])
    async with client(app) as http:
        await eventually(has_balance(http, "50.000"))
        await offer(http)
        assert (await redeem(http, "k1", 2)).json()["balance"] == "10.000"
        await publish("personal-reductions", [reduction(2, "-50")])
        await eventually(has_balance(http, "0.000"))
        assert (await member(http))["claim"] == "40.000"
        await publish("personal-reductions", [reduction(3, "45.5")])
        await eventually(has_balance(http, "5.500"))
        assert (await member(http))["claim"] == "0.000"


async def test_the_same_idempotency_key_redeems_once(
    start: Any, publish: Any, client: Any, eventually: Any
) -> None:
    app = await start("points")
    await publish("personal-reductions", [reduction(1, "100")])
    async with client(app) as http:
        await eventually(has_balance(http, "100.000"))
        await offer(http)
        first, again = await redeem(http, "k1"), await redeem(http, "k1")
        other = await redeem(http, "k1", 2)
        assert (first.status_code, again.json()) == (201, first.json())
        assert again.headers["idempotency-hit"] == "true"
        assert (other.status_code, other.json()["type"]) == (
            422,
            "urn:tanzhang:problem:idempotency-key-reused",
        )
        assert (await member(http))["balance"] == "80.000"


async def test_neither_balance_nor_stock_goes_below_zero_when_many_redeem_at_once(
    start: Any, publish: Any, client: Any, eventually: Any
) -> None:
    app = await start("points")
    members = [f"jsrcb:token-{n:04}" for n in range(12)]
    await publish("personal-reductions", [reduction(1, "45", subject=m) for m in members])
    async with client(app) as http:
        for subject in members:
            await eventually(has_balance(http, "45.000", subject))
        await offer(http)
        answers = await asyncio.gather(
            *(redeem(http, f"{s}-{n}", subject=s) for s in members for n in range(3))
        )
        codes = [answer.status_code for answer in answers]
        assert (codes.count(201), codes.count(409)) == (10, 26)
        assert (await http.get("/v1/rewards/bag")).json()["stock"] == 0
        balances = [Decimal((await member(http, s))["balance"]) for s in members]
        assert sum(balances) == 12 * 45 - 10 * 20
        assert min(balances) >= 0


async def test_a_cancelled_redemption_gives_points_and_stock_back_once(
    start: Any, publish: Any, client: Any, eventually: Any
) -> None:
    app = await start("points")
    await publish("personal-reductions", [reduction(1, "30")])
    async with client(app) as http:
        await eventually(has_balance(http, "30.000"))
        await offer(http)
        id = (await redeem(http, "k1")).json()["id"]
        answers = [await http.post(f"/v1/redemptions/{id}/cancel") for _ in range(2)]
        assert [a.json()["status"] for a in answers] == ["cancelled", "cancelled"]
        assert (await member(http))["balance"] == "30.000"
        assert (await http.get("/v1/rewards/bag")).json()["stock"] == 10


async def test_a_tier_is_decided_by_the_clock_and_told(
    start: Any, publish: Any, client: Any, eventually: Any, read_topic: Any
) -> None:
    app = await start("points")
    await publish("personal-reductions", [reduction(1, "2500")])
    async with client(app) as http:

        async def medium() -> bool:
            return bool((await member(http)).get("tier") == "medium")

        await eventually(medium)

    async def told() -> list[dict[str, Any]]:
        events = await read_topic("point-credits")
        return [e for e in events if e["type"] == "cn.tanzhang.points.tier.v1"]

    [event] = await eventually(told)
    assert event["data"]["tier"] == "medium"


async def test_points_after_an_erasure_belong_to_a_fresh_account_even_in_the_same_batch(
    start: Any, publish: Any, client: Any, eventually: Any
) -> None:
    erased = reduction(2, "0") | {"type": "cn.tanzhang.personal.erased.v1", "id": "gone"}
    erased["data"] = {"epoch": 1, "sequence": 2}
    later = reduction(1, "7", epoch=2)
    await publish("personal-reductions", [reduction(1, "40"), erased, reduction(1, "40"), later])
    app = await start("points")
    async with client(app) as http:
        await eventually(has_balance(http, "7.000"))
        balances = await app.state.pool.fetch("select balance from account order by balance")
    assert [row[0] for row in balances] == [7_000, 40_000]


async def test_a_reduction_of_nothing_is_a_dead_letter_and_told_to_nobody(
    start: Any, publish: Any, client: Any, eventually: Any, read_topic: Any
) -> None:
    app = await start("points")
    nothing = reduction(1, "0")
    await publish("personal-reductions", [nothing, nothing, reduction(2, "5")])
    async with client(app) as http:
        await eventually(has_balance(http, "5.000"))
    rows = await app.state.pool.fetch("select reason from dead_letter")
    assert [row["reason"] for row in rows] == ["nothing_to_post"]

    async def told() -> Any:
        return await read_topic("point-credits")

    assert [event["data"]["points"] for event in await eventually(told)] == ["5.000"]
