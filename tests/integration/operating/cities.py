"""A small city in five ledgers: caps, reversals, behaviours, replacements, redemptions, labels."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from tests.integration.audit.conftest import (
    ENTERPRISE,
    FARM,
    PAYMENTS,
    farm_records,
    output,
    payment,
    readings,
)
from tests.integration.re_emission.conftest import Desk, OpenDesk

REGISTERED = {
    "name": "华康药业", "sector": "1495", "district": "开化县", "grid_region": "zhejiang",
    "product": "xylitol", "product_unit": "t",
}  # fmt: skip
METER = {"enterprise_id": ENTERPRISE, "carrier": "electricity", "unit": "kWh", "kind": "interval"}
FARM_BODY = {"name": "三易易", "type": "breeding", "district": "kecheng"}
RIDER, RIVAL = "jsrcb:token-0003", "icbc:token-0004"


def ride(id: str, subject: str, hour: int, **data: Any) -> dict[str, Any]:
    time = f"2026-03-05T{hour:02}:00:00+08:00"
    return payment(id, subject, time, kind="bus_ride", channel="nfc", **data)


# One behaviour told by two banks, the later one first; one of them taken back.
RIDES = [
    ride("r1", RIDER, 10, channel_ref="ride-1"),
    ride("r2", RIVAL, 9, channel_ref="ride-1"),
    ride("r3", RIDER, 11, channel_ref="ride-2"),
    ride("r4", RIVAL, 12, channel_ref="ride-2"),
    ride("r5", RIDER, 13, reverses="r3"),
]
PAID = [*PAYMENTS, *RIDES]


def _more_readings() -> Iterable[dict[str, Any]]:
    """One of them replaced, and one of the year after."""
    [first, *_] = readings()
    again = first["data"] | {"value": "2000", "quality": "estimated", "replaces": first["id"]}
    yield first | {"id": "again", "data": again}
    start, end = "2026-01-01T00:00:00+08:00", "2026-01-02T00:00:00+08:00"
    yield first | {"id": "after", "data": first["data"] | {"start": start, "end": end}}


MEASURED = [*readings(), *output(), *_more_readings()]
FARMED = list(farm_records())


def encoded(events: Iterable[Mapping[str, Any]]) -> list[bytes]:
    return [msgspec.json.encode(event) for event in events]


async def put(desk: Desk, path: str, body: Mapping[str, Any]) -> None:
    answer = await desk.http.put(f"/v1/{path}", json=dict(body))
    assert answer.is_success, answer.text


async def posted_city(desk: OpenDesk) -> dict[str, Desk]:
    """All of it posted, graded and credited; nothing waits in an outbox."""
    city = {name: await desk(name) for name in ("industrial", "agri", "personal", "grading")}
    city["points"] = await desk("points")
    await put(city["industrial"], f"enterprises/{ENTERPRISE}", REGISTERED)
    await put(city["industrial"], "meters/m1", METER)
    await put(city["agri"], f"farms/{FARM}", FARM_BODY)
    for name, events in (("industrial", MEASURED), ("agri", FARMED), ("personal", PAID)):
        for one in encoded(events):
            await city[name].post([one])
    await city["personal"].tick()
    await pass_on(city)
    return city


async def whole_city(desk: OpenDesk) -> dict[str, Desk]:
    """The same, and a reward that somebody has redeemed."""
    city = await posted_city(desk)
    await put(city["points"], "rewards/bag", {"name": "bag", "points": "20", "stock": 9})
    order = {"account_id": PAID[0]["subject"], "reward_id": "bag", "quantity": 2}
    answer = await city["points"].http.post(
        "/v1/redemptions", json=order, headers={"idempotency-key": "k"}
    )
    assert answer.status_code == 201, answer.text
    await city["points"].tick()
    await city["points"].sent()
    return city


async def pass_on(city: Mapping[str, Desk]) -> None:
    """What services have sent reaches those that read it; what these send is dropped."""
    await city["points"].post(await city["personal"].sent())
    await city["grading"].post(await city["industrial"].sent() + await city["agri"].sent())
    for name in ("points", "grading"):
        await city[name].sent()
