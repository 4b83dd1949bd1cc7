"""Points of one year are good until the end of the next; the oldest are spent first."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from shared.stream.tick import Tick

MEMBER = "jsrcb:token-0009"


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def credit(sequence: int, grams: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "type": "cn.tanzhang.personal.reduction.v1",
        "source": "urn:tanzhang:personal",
        "id": f"expiry-{sequence}",
        "subject": MEMBER,
        "time": "2020-03-01T10:00:00+08:00",
        "data": {
            "epoch": 1,
            "sequence": sequence,
            "scenario": "ONLINE_TRANSFER",
            "reduction_g": grams,
            "occurred_at": "2020-03-01T10:00:00+08:00",
            "capped": False,
            "factor_set": "scenarios@1",
            "cause": "p",
        },
    }


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_unspent_points_are_announced_and_then_expire(
    start: Any, publish: Any, client: Any, eventually: Any, read_topic: Any, clock: Clock
) -> None:
    app = await start("points", clock=clock)

    async def tick_at(at: datetime) -> None:
        clock.now = at
        await eventually(Tick(app.state.poster, app.state.pool, clock).once)
        app.state.relay.wake()

    async with client(app) as http:

        async def balance() -> Any:
            return (await http.get(f"/v1/accounts/{MEMBER}")).json().get("balance")

        async def has(expected: str) -> None:
            async def check() -> bool:
                return bool(await balance() == expected)

            await eventually(check)

        await publish("personal-reductions", [credit(1, "100")])
        await has("100.000")
        await http.put("/v1/rewards/cup", json={"name": "Cup 杯", "points": "30", "stock": 5})
        wanted = {"account_id": MEMBER, "reward_id": "cup"}
        answer = await http.post("/v1/redemptions", json=wanted, headers={"idempotency-key": "k"})
        assert answer.status_code == 201
        clock.now = datetime(2027, 6, 1, tzinfo=UTC)
        await publish("personal-reductions", [credit(2, "5")])
        await has("75.000")
        await tick_at(datetime(2027, 11, 26, tzinfo=UTC))
        assert await balance() == "75.000"
        await tick_at(datetime(2027, 11, 27, tzinfo=UTC))
        await tick_at(datetime(2028, 1, 1, 8, tzinfo=UTC))
        await tick_at(datetime(2028, 1, 1, 9, tzinfo=UTC))
        assert await balance() == "5.000"

    async def told() -> Any:
        events = [e for e in await read_topic("point-credits") if "expir" in e["type"]]
        return len(events) == 2 and events

    expiring, expired = await eventually(told)
    assert (expiring["type"], expiring["data"]["due"]) == (
        "cn.tanzhang.points.expiring.v1",
        "2028-01-01",
    )
    assert Decimal(expiring["data"]["points"]) == Decimal(expired["data"]["points"]) == 70
    assert Decimal(expired["data"]["balance"]) == 5
