"""The industrial service against its OpenAPI document."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from services.industrial.api.findings import OPPORTUNITY
from services.industrial.api.reviews import REVIEW
from services.industrial.restating import Choice, Restater
from shared.units.calendar import CITY
from tests.deploy.openapi.conftest import NOW, Start, Started, event
from tests.deploy.openapi.fuzzing import Ways

WAYS = Ways(
    beyond_schema=[
        "PUT /v1/enterprises/{id}",
        "PUT /v1/enterprises/{id}/assets/{asset_id}",
        "PUT /v1/enterprises/{id}/fuels/{carrier}",
        "PUT /v1/meters/{meter_id}",
        "POST /v1/enterprises/{id}/opportunities/{opportunity_id}/adopt",
    ]
)
ENTERPRISE = "91330800704205947U"
ACCOUNT = f"/v1/enterprises/{ENTERPRISE}"
DAYS = 15
# 22:00 to 06:00 in the city, as hours of UTC.
NIGHT = range(14, 22)


def reading(id: str, start: datetime, value: str, **more: str) -> dict[str, Any]:
    """What the meter m-1 counted in an hour, in kWh."""
    end = start + timedelta(hours=1)
    data = {
        "meter_id": "m-1",
        "kind": "interval",
        "start": start.isoformat(),
        "end": end.isoformat(),
        "value": value,
        "unit": "kWh",
        "quality": "actual",
    }
    return event("meter.reading", id, ENTERPRISE, data | more)


def hours() -> Iterator[dict[str, Any]]:
    """Two weeks of 2026: nights that draw a fifth of what days do, every seventh much less."""
    first = datetime(2026, 1, 4, 16, tzinfo=UTC)
    for n in range(24 * DAYS):
        at = first + timedelta(hours=n)
        night = at.hour in NIGHT
        value = "100" if not night else "2" if (n // 24) % 5 == 0 else "20"
        yield reading(f"h-{n}", at, value)


async def seed(industrial: Started) -> None:
    """Everything that the examples of the document name."""
    enterprise = {
        "name": "华康药业",
        "sector": "1495",
        "district": "开化县",
        "grid_region": "zhejiang",
        "product": "xylitol",
        "product_unit": "t",
    }
    meter = {
        "enterprise_id": ENTERPRISE,
        "carrier": "electricity",
        "unit": "kWh",
        "kind": "interval",
        "rate_max": "500",
    }
    fuel = {"valid_from": "2026-01-01", "evidence": "laboratory report 2026-17", "oxidation": "1"}
    await industrial.ask("PUT", ACCOUNT, enterprise)
    await industrial.ask("PUT", f"{ACCOUNT}/assets/site-1", {"kind": "site", "name": "Works"})
    line = {"kind": "line", "name": "Line 1", "parent": "site-1"}
    await industrial.ask("PUT", f"{ACCOUNT}/assets/line-1", line)
    await industrial.ask("PUT", "/v1/meters/m-1", meter)
    gas = meter | {"carrier": "natural_gas", "unit": "1e4Nm3"}
    await industrial.ask("PUT", "/v1/meters/m-gas", gas)
    made = {"product": "xylitol", "start": "2026-01-01", "end": "2026-02-01", "unit": "t"}
    # So many that some are left to be released when others were rejected.
    held = (reading(f"held-{n}", datetime(2026, 3, n, tzinfo=UTC), "10000") for n in range(1, 21))
    await industrial.post(
        *hours(),
        event("production.report", "p-1", ENTERPRISE, made | {"quantity": "100"}),
        *held,
        reading("gas", datetime(2026, 1, 6, tzinfo=UTC), "1", meter_id="m-gas", unit="1e4Nm3"),
    )
    await industrial.ask("PUT", f"{ACCOUNT}/fuels/natural_gas", fuel)
    state = industrial.app.state
    await Restater(state.pool, state.poster, CITY).run(Choice(by="operator-1"), NOW)


async def test_every_answer_is_as_documented(start: Start) -> None:
    industrial = await start("industrial")
    await seed(industrial)
    held = (await industrial.ask("GET", "/v1/reviews"))["items"]
    found = await industrial.ask("GET", f"{ACCOUNT}/opportunities?year=2026")
    assert REVIEW in [one["id"] for one in held]
    assert OPPORTUNITY in [one["id"] for one in found["items"]]
    again = (await industrial.ask("GET", f"{ACCOUNT}/restatements"))["items"]
    assert [(one["reason"], bool(one["posted"])) for one in again] == [(None, True)]
    report = await industrial.fuzz(WAYS)
    assert report.code == 0, report.text
    assert report.never_good() == []
