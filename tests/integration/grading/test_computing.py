"""Benchmarks computed from the city's own enterprises, their order and their withdrawal."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from shared.events.envelope import Event

Enterprise = Callable[..., Event]
Grading = Any  # the fixture of conftest.py
COMPUTE = "/v1/benchmarks/1495/2020/compute?product=xylitol"
TOTALS = ("8000", "12000", "14000", "16000", "25000")


def peers(enterprise: Enterprise, count: int = 5, **changes: Any) -> list[Event]:
    return [enterprise(f"peer-{n}", total_t=TOTALS[n], **changes) for n in range(count)]


async def compute(grading: Grading, more: str = "", status: int = 200) -> dict[str, Any]:
    answer = await grading.http.post(COMPUTE + more)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def labels(grading: Grading) -> dict[str, tuple[str, str | None]]:
    items = (await grading.http.get("/v1/labels")).json()["items"]
    return {item["id"]: (item["label"], item["benchmark_kind"]) for item in items}


async def test_the_mean_of_the_city_is_computed_kept_and_graded_by(
    grading: Grading, enterprise: Enterprise
) -> None:
    await grading.post(*peers(enterprise), enterprise("thin", months_energy=3))
    dry = await compute(grading, "&dry_run=true")
    assert (dry["dry_run"], dry["version"]) == (True, "")
    assert (await grading.http.get("/v1/benchmarks/1495/2020?product=xylitol")).status_code == 404
    assert {found[0] for found in (await labels(grading)).values()} == {"ungraded"}

    found = await compute(grading)
    # 75,000 t over 5 x 137,120 t
    assert (found["kind"], found["benchmark"], found["unit"]) == ("city_mean", "0.109393232", "t")
    assert found["basis"] == {"enterprises": 5, "total_t": "75000", "output": "685600"}
    assert found["left_out"] == {"incomplete": 1}
    assert (found["in_force"], found["labels_changed"]) == (True, 5)
    assert found["source"].startswith("output-weighted mean of 5 enterprises of the city")
    assert found["cuts"] == {"deep_green": "0.8", "light_green": "1", "yellow": "1.2"}
    assert await labels(grading) == {
        "peer-0": ("deep_green", "city_mean"),
        "peer-1": ("light_green", "city_mean"),
        "peer-2": ("light_green", "city_mean"),
        "peer-3": ("yellow", "city_mean"),
        "peer-4": ("red", "city_mean"),
        "thin": ("ungraded", "city_mean"),
    }
    label = await grading.label(id="peer-0")
    assert "(city mean of 5 enterprises, 2020)" in label["reason"]["en"]
    assert "5家企业全市均值" in label["reason"]["zh"]
    sent = [e.data for e in await grading.sent() if e.subject == "industrial:peer-0"]
    assert [(s.benchmark_kind, s.benchmark_version) for s in sent] == [
        (None, None),
        ("city_mean", "1495/xylitol/2020#1"),
    ]
    again = await compute(grading)
    assert (again["version"], again["labels_changed"]) == ("1", 0)
    assert await grading.findings() == []


async def test_four_give_a_median_and_a_fifth_replaces_it(
    grading: Grading, enterprise: Enterprise
) -> None:
    *four, fifth = peers(enterprise)
    await grading.post(*four)
    median = await compute(grading)
    assert (median["kind"], median["benchmark"]) == ("city_median", "0.094807468")
    await grading.post(fifth)
    mean = await compute(grading)
    assert (mean["kind"], mean["in_force"]) == ("city_mean", True)
    path = "/v1/benchmarks/1495/2020?product=xylitol&kind=city_median"
    assert (await grading.http.get(path)).status_code == 404
    assert await grading.findings() == []


async def test_too_few_enterprises_are_told(grading: Grading, enterprise: Enterprise) -> None:
    await grading.post(*peers(enterprise, 2), enterprise("thin", months_output=2))
    found = await compute(grading, status=409)
    assert found["type"] == "urn:tanzhang:problem:too-few-enterprises"
    assert found["detail"] == (
        "1495 / xylitol has 2 enterprises with complete data for 2020: a mean needs 5, a median 3"
    )
    assert (found["enterprises"], found["left_out"]) == (2, {"incomplete": 1})


async def test_what_cannot_be_computed_names_the_field(
    grading: Grading, enterprise: Enterprise
) -> None:
    await grading.post(
        *peers(enterprise), enterprise("kilos", output=Decimal(1), product_unit="kg")
    )
    several = await compute(grading, status=422)
    assert several["errors"] == [
        {
            "pointer": "/query/unit",
            "detail": "expected the unit of the output, the enterprises have kg, t",
        }
    ]
    named = await compute(grading, "&unit=kg&dry_run=true")
    assert named["basis"]["enterprises"] == 6
    running = await grading.http.post("/v1/benchmarks/1495/2021/compute?product=xylitol")
    assert running.status_code == 422
    assert running.json()["detail"] == "/path/year: expected a year that is over, got 2021"
    nothing = await grading.http.post("/v1/benchmarks/1495/2020/compute")
    assert (nothing.status_code, nothing.json()["errors"][0]["pointer"]) == (422, "/query/product")


async def test_a_better_kind_holds_until_it_is_withdrawn(
    grading: Grading, enterprise: Enterprise
) -> None:
    await grading.post(*peers(enterprise))
    norm = await grading.put(2019, kind="norm", benchmark="0.2")
    published = await grading.put(2020, kind="published", benchmark="0.15")
    mean = await compute(grading)
    assert (norm["in_force"], published["in_force"], mean["in_force"]) == (True, False, False)
    assert (published["labels_changed"], mean["labels_changed"]) == (0, 0)
    assert (await labels(grading))["peer-4"] == ("light_green", "norm")

    async def withdraw(year: int, kind: str) -> dict[str, Any]:
        path = f"/v1/benchmarks/1495/{year}?product=xylitol&kind={kind}"
        answer = await grading.http.delete(path)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    gone = await withdraw(2019, "norm")
    assert (gone["withdrawn"], gone["in_force"], gone["version"]) == (True, False, "2")
    assert (await labels(grading))["peer-4"] == ("red", "published")
    assert (await withdraw(2019, "norm"))["version"] == "2"
    await withdraw(2020, "published")
    assert (await labels(grading))["peer-3"] == ("yellow", "city_mean")
    assert await grading.findings() == []
    back = await grading.put(2019, kind="norm", benchmark="0.2")
    assert (back["version"], back["in_force"], back["withdrawn"]) == ("3", True, False)
    unknown = await grading.http.delete("/v1/benchmarks/1495/2001?product=xylitol&kind=norm")
    assert unknown.status_code == 404


async def test_cut_points_out_of_order_are_refused_with_the_reason(grading: Grading) -> None:
    async def refused(**cuts: str) -> str:
        body = {"product": "xylitol", "unit": "t", "benchmark": "0.11", "kind": "norm"}
        answer = await grading.http.put(
            "/v1/benchmarks/1495/2020", json=body | {"source": "x", "cuts": cuts}
        )
        assert answer.status_code == 422, answer.text
        detail: str = answer.json()["detail"]
        return detail

    order = "/cuts/light_green: expected more than deep_green, which is 0.9"
    assert await refused(deep_green="0.9", light_green="0.8", yellow="1.2") == order
    same = "/cuts/yellow: expected more than light_green, which is 1.0"
    assert await refused(deep_green="0.9", light_green="1.0", yellow="1.0") == same
    zero = "/cuts/deep_green: expected more than zero"
    assert await refused(deep_green="0", light_green="1.0", yellow="1.2") == zero


async def test_the_city_mean_is_taken_by_the_clock_and_by_an_operator(
    grading: Grading, enterprise: Enterprise
) -> None:
    await grading.put()
    added = {"value_added_1e4cny": 1000}
    await grading.post(*peers(enterprise, 4, **added))
    early = await grading.http.post("/v1/region/means/2020")
    assert early.status_code == 409
    assert early.json()["detail"] == "Fewer than 5 accounts of 2020 have declared value added"
    await grading.tick()
    await grading.post(*peers(enterprise, **added)[4:], enterprise("none"))
    await grading.tick()
    # The month has been looked at: what came since waits for the next one.
    assert (await grading.label(id="peer-0"))["dimensions"]["regional"] == "unknown"

    grading.time.now = datetime(2021, 7, 2, tzinfo=UTC)
    await grading.tick()
    label = await grading.label(id="peer-0")
    assert label["dimensions"]["regional"] == "deep_green"  # 8 against a mean of 15
    assert label["city_mean"]["t_per_1e4cny"] == "15.000000"
    assert (label["city_mean"]["version"], label["city_mean"]["accounts"]) == (1, 5)
    assert (await grading.label(id="peer-4"))["dimensions"]["regional"] == "red"
    assert (await grading.label(id="none"))["dimensions"]["regional"] == "unknown"
    assert await grading.findings() == []

    await grading.post(enterprise("peer-4", sequence=2, total_t="5000", **added))
    assert (await grading.label(id="peer-4"))["dimensions"]["regional"] == "deep_green"
    assert (await grading.label(id="peer-1"))["dimensions"]["regional"] == "deep_green"
    taken = await grading.http.post("/v1/region/means/2020")
    assert (taken.json()["version"], taken.json()["t_per_1e4cny"]) == (2, "11.000000")
    assert (await grading.label(id="peer-1"))["dimensions"]["regional"] == "yellow"
    again = (await grading.http.post("/v1/region/means/2020")).json()
    assert (again["version"], again["labels_changed"]) == (2, 0)
    running = await grading.http.post("/v1/region/means/2021")
    assert (running.status_code, running.json()["errors"][0]["pointer"]) == (422, "/path/year")
    assert await grading.findings() == []


@pytest.mark.parametrize("seed", range(4))
async def test_the_region_is_the_same_whatever_the_order(
    grading: Grading, enterprise: Enterprise, shuffled: Any, seed: int
) -> None:
    await grading.put()
    events = [
        *peers(enterprise, value_added_1e4cny=1000),
        *[enterprise(f"peer-{n}", sequence=2, value_added_1e4cny=500 + n) for n in range(3)],
    ]
    for batch in shuffled(events, seed):
        await grading.post(*batch)
        if seed % 2:
            await grading.http.post("/v1/region/means/2020")
    await grading.http.post("/v1/region/means/2020")
    items = (await grading.http.get("/v1/labels")).json()["items"]
    found = {item["id"]: item["dimensions"]["regional"] for item in items}
    # The mean is 82,625.72 t over 3,503: 23.587 t per 1e4 CNY.
    assert found == {
        "peer-0": "yellow",
        "peer-1": "yellow",
        "peer-2": "yellow",
        "peer-3": "deep_green",
        "peer-4": "yellow",
    }
    assert await grading.findings() == []
