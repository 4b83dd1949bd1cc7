"""Farms among their peers: taken by the clock and by an operator, whatever came first."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from shared.events.envelope import Event

Farm = Callable[..., Event]
Grading = Any  # the fixture of conftest.py
FIELDS = {"type": "planting", "gross_t": Decimal(0), "area_ha": Decimal(100)}


def ten(farm: Farm) -> list[Event]:
    """Ten farms of 100 ha with 1 to 10 t per ha; none declares emissions."""
    return [farm(f"farm:f{n:02}", neutralised_t=Decimal(n * 100), **FIELDS) for n in range(1, 11)]


async def labels(grading: Grading) -> dict[str, str]:
    answer = await grading.http.get("/v1/labels?kind=agri")
    return {item["id"]: item["label"] for item in answer.json()["items"]}


async def test_an_operator_takes_the_peers(grading: Grading, farm: Farm) -> None:
    await grading.post(*ten(farm), farm())
    assert set((await labels(grading)).values()) == {"ungraded", "deep_green"}
    answer = await grading.http.post("/v1/region/peers/2020")
    assert answer.status_code == 200, answer.text
    [peers] = answer.json()["items"]
    assert (peers["type"], peers["per"], peers["farms"]) == ("planting", "ha", 10)
    assert peers["cuts"] == {"medium_green": "5.500000", "deep_green": "8.200000"}
    assert answer.json()["labels_changed"] == 10
    found = await labels(grading)
    assert [found[f"farm:f{n:02}"] for n in (1, 5, 6, 8, 9, 10)] == [
        "light_green",
        "light_green",
        "medium_green",
        "medium_green",
        "deep_green",
        "deep_green",
    ]
    label = await grading.label("agri", "farm:f06")
    assert label["peers"]["farms"] == 10
    assert (label["benchmark_kind"], label["benchmark_version"]) == (
        "farm_peers",
        "planting/2020#1",
    )
    last = [event for event in await grading.sent() if event.subject == "agri:farm:f06"][-1]
    assert (last.data.previous, last.data.label) == ("ungraded", "medium_green")
    assert last.data.benchmark_version == "planting/2020#1"
    region = (await grading.http.get("/v1/region/summary?year=2020")).json()
    assert [item["version"] for item in region["farm_peers"]] == [1]
    again = (await grading.http.post("/v1/region/peers/2020")).json()
    assert (again["labels_changed"], again["items"][0]["version"]) == (0, 1)
    assert not await grading.findings()


async def test_the_clock_takes_them_when_a_month_begins(grading: Grading, farm: Farm) -> None:
    await grading.tick()
    await grading.post(*ten(farm))
    await grading.tick()
    assert set((await labels(grading)).values()) == {"ungraded"}
    grading.time.now = datetime(2021, 7, 2, tzinfo=UTC)
    await grading.tick()
    assert set((await labels(grading)).values()) == {"light_green", "medium_green", "deep_green"}
    assert not await grading.findings()


async def test_moved_figures_are_a_new_version(grading: Grading, farm: Farm) -> None:
    await grading.post(*ten(farm))
    await grading.http.post("/v1/region/peers/2020")
    better = farm("farm:f01", sequence=2, neutralised_t=Decimal(2000), **FIELDS)
    await grading.post(better)
    # Held against the version that stands until the next one is taken.
    assert (await grading.label("agri", "farm:f01"))["label"] == "deep_green"
    assert not await grading.findings()
    [peers] = (await grading.http.post("/v1/region/peers/2020")).json()["items"]
    assert (peers["version"], peers["cuts"]["medium_green"]) == (2, "6.500000")
    assert (await grading.label("agri", "farm:f06"))["label"] == "light_green"
    assert not await grading.findings()


async def test_too_few_farms_are_told(grading: Grading, farm: Farm) -> None:
    await grading.post(*ten(farm)[:9])
    answer = await grading.http.post("/v1/region/peers/2020")
    assert (answer.status_code, answer.json()["type"]) == (
        409,
        "urn:tanzhang:problem:too-few-farms",
    )
    assert answer.json()["detail"] == (
        "No type has 10 farms that neutralise in 2020 and give their size"
    )
    running = await grading.http.post("/v1/region/peers/2021")
    assert running.status_code == 422
    assert running.json()["errors"][0]["detail"] == "expected a year that is over, got 2021"


async def test_the_labels_end_when_too_few_are_left(grading: Grading, farm: Farm) -> None:
    await grading.post(*ten(farm))
    await grading.http.post("/v1/region/peers/2020")
    gone = farm("farm:f01", sequence=2, neutralised_t=Decimal(0), **FIELDS)
    await grading.post(gone)
    [peers] = (await grading.http.post("/v1/region/peers/2020")).json()["items"]
    assert peers["farms"] == 9
    assert set((await labels(grading)).values()) == {"ungraded"}
    label = await grading.label("agri", "farm:f06")
    assert label["reason"]["code"] == "gross_not_declared"
    assert not await grading.findings()


async def test_a_declared_farm_leaves_its_peers(grading: Grading, farm: Farm) -> None:
    await grading.post(*ten(farm))
    await grading.http.post("/v1/region/peers/2020")
    declared = FIELDS | {"gross_t": Decimal(400)}
    await grading.post(farm("farm:f01", sequence=2, neutralised_t=Decimal(100), **declared))
    label = await grading.label("agri", "farm:f01")
    assert (label["label"], label["ratio"], label["peers"]) == ("light_green", "0.250000", None)
    assert (label["intensity"], label["intensity_per"]) == ("4.000000", "ha")
    what_if = await grading.http.post("/v1/labels/agri/farm:f01/what-if", json={})
    assert what_if.json()["next"]["reduction_t"] == "200"
    assert not await grading.findings()


async def test_what_if_of_a_farm_among_its_peers(grading: Grading, farm: Farm) -> None:
    await grading.post(*ten(farm))
    await grading.http.post("/v1/region/peers/2020")
    found = (await grading.http.post("/v1/labels/agri/farm:f06/what-if", json={})).json()
    assert (found["label"], found["current"]["label"], found["next"]) == (
        "medium_green",
        "medium_green",
        None,
    )


@pytest.mark.parametrize("seed", range(3))
async def test_the_order_of_arrival_changes_no_label(
    grading: Grading,
    farm: Farm,
    shuffled: Callable[..., list[list[Event]]],
    seed: int,
) -> None:
    events = [*ten(farm), farm("farm:f03", sequence=2, neutralised_t=Decimal(950), **FIELDS)]
    taken_at = Random(seed).randrange(4)
    for n, batch in enumerate(shuffled(events, seed)):
        await grading.post(*batch)
        if n == taken_at:
            await grading.http.post("/v1/region/peers/2020")
    await grading.http.post("/v1/region/peers/2020")
    found = await labels(grading)
    # 1, 2, 4, 5, 6, 7, 8, 9, 9.5, 10: the middle is 6.5, four fifths lie below 9.1.
    assert found == {
        "farm:f01": "light_green",
        "farm:f02": "light_green",
        "farm:f03": "deep_green",
        "farm:f04": "light_green",
        "farm:f05": "light_green",
        "farm:f06": "light_green",
        "farm:f07": "medium_green",
        "farm:f08": "medium_green",
        "farm:f09": "medium_green",
        "farm:f10": "deep_green",
    }
    assert not await grading.findings()


async def test_the_audit_sees_other_peers(grading: Grading, farm: Farm) -> None:
    await grading.post(*ten(farm))
    await grading.http.post("/v1/region/peers/2020")
    await grading.app.state.pool.execute("update farm_peers set medium = '9'")
    findings = await grading.findings()
    assert {finding.what for finding in findings} == {"label of 2020"}
    assert len(findings) == 3


async def test_other_peers_end_a_suspension(grading: Grading, farm: Farm) -> None:
    await grading.post(*ten(farm))
    await grading.http.post("/v1/region/peers/2020")
    answer = await grading.http.post(
        "/v1/labels/agri/farm:f03/appeals", json={"reason": "the straw of June is missing"}
    )
    assert answer.status_code == 201, answer.text
    url = f"/v1/appeals/{answer.json()['id']}/decision"
    decided = await grading.http.post(url, json={"decision": "reopened", "note": "looked at"})
    assert decided.status_code == 200, decided.text
    assert (await grading.label("agri", "farm:f03"))["suspended"] is True
    await grading.post(farm("farm:f01", sequence=2, neutralised_t=Decimal(2000), **FIELDS))
    assert (await grading.label("agri", "farm:f03"))["suspended"] is True
    await grading.http.post("/v1/region/peers/2020")
    label = await grading.label("agri", "farm:f03")
    assert (label["suspended"], label["benchmark_version"]) == (False, "planting/2020#2")
    assert not await grading.findings()
