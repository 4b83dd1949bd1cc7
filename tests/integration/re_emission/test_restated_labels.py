"""An account that is computed again gets the label that it deserves."""

from typing import Any

import msgspec

from services.industrial.restating import Choice, Restater
from shared.units.calendar import CITY
from tests.integration.re_emission.conftest import Desk, OpenDesk, event

ENTERPRISE = "91330800704205947U"
AT = "2026-01-10T08:00:00+08:00"
REGISTERED = {
    "name": "华康药业", "sector": "1495", "district": "开化县", "grid_region": "zhejiang",
    "product": "xylitol", "product_unit": "t",
}  # fmt: skip
METER = {"enterprise_id": ENTERPRISE, "carrier": "electricity", "unit": "MWh", "kind": "interval"}
BENCHMARK = {
    "product": "xylitol", "unit": "t", "benchmark": "0.5153",
    "cuts": {"deep_green": "0.80", "light_green": "1.00", "yellow": "1.20"},
    "kind": "published", "source": "a city notice",
}  # fmt: skip


async def put(desk: Desk, path: str, **body: Any) -> None:
    answer = await desk.http.put(f"/v1/{path}", json=body)
    assert answer.status_code in (200, 201), answer.text


async def test_a_restated_account_is_graded_anew(desk: OpenDesk) -> None:
    industrial, grading = await desk("industrial"), await desk("grading")
    await put(industrial, f"enterprises/{ENTERPRISE}", **REGISTERED)
    await put(industrial, "meters/m", **METER)
    await put(grading, "benchmarks/1495/2022", **BENCHMARK)
    year = {"start": "2022-01-01", "end": "2023-01-01"}
    output = event("production.report", "p", ENTERPRISE, AT, product="xylitol", quantity="1000",
                   unit="t", **year)  # fmt: skip
    instants = {name: f"{day}T00:00:00+08:00" for name, day in year.items()}
    power = event("meter.reading", "e", ENTERPRISE, AT, meter_id="m", kind="interval",
                  value="1000", unit="MWh", quality="actual", **instants)  # fmt: skip
    await industrial.post([output, power])
    await grading.post(await industrial.sent())
    assert await _label(grading) == "light_green"
    await grading.sent()

    await put(industrial, "meters/m", **METER, multiplier="1.3", valid_from="1900-01-01")
    state = industrial.app.state
    restater = Restater(state.pool, state.poster, CITY)
    [done] = await restater.run(Choice(by="test"), industrial.later())
    assert (done.years[2022].before_mg, done.years[2022].after_mg) == (
        515_300_000_000, 669_890_000_000,
    )  # fmt: skip
    [state_told] = await industrial.sent()
    await grading.post([state_told])
    assert await _label(grading) == "red"
    changes = [msgspec.json.decode(message)["data"] for message in await grading.sent()]
    assert [(c["previous"], c["label"]) for c in changes] == [("light_green", "red")]
    assert await restater.run(Choice(by="test"), industrial.later()) == []
    assert await industrial.sent() == []


async def _label(grading: Desk) -> str:
    answer = await grading.http.get(f"/v1/labels/industrial/{ENTERPRISE}", params={"year": 2022})
    assert answer.status_code == 200, answer.text
    found: str = answer.json()["label"]
    return found
