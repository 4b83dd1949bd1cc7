"""What another reduction, output or benchmark would give; nothing is stored."""

from collections.abc import Callable
from typing import Any

import pytest

from services.grading.store import reading
from shared.events.envelope import Event

Enterprise = Callable[..., Event]
Farm = Callable[..., Event]
Grading = Any  # the fixture of conftest.py
ID = "91330800704206161W"
URL = f"/v1/labels/industrial/{ID}"


async def test_what_if_stores_nothing(grading: Grading, enterprise: Enterprise, farm: Farm) -> None:
    await grading.put()
    await grading.post(enterprise(), farm())
    answer = await grading.http.post(f"{URL}/what-if", json={"reduction_t": "2000"})
    found = answer.json()
    assert (found["label"], found["ratio"]) == ("deep_green", "0.787316")
    assert found["current"]["label"] == "light_green"
    more = await grading.http.post(f"{URL}/what-if", json={"output": "100000", "year": 2020})
    assert more.json()["label"] == "red"
    barn = await grading.http.post("/v1/labels/agri/farm:sanyi/what-if", json={"reduction_t": "-1"})
    assert (barn.status_code, barn.json()["errors"][0]["pointer"]) == (422, "/reduction_t")
    assert (await grading.label())["label"] == "light_green"
    assert len(await grading.sent()) == 2


async def test_what_is_posted_while_it_is_asked_is_of_the_next_answer(
    grading: Grading, enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    await grading.put()
    await grading.post(enterprise())
    labels = reading.labels

    async def posted_meanwhile(*given: Any) -> Any:
        monkeypatch.setattr(reading, "labels", labels)
        await grading.post(enterprise(year=2021, sequence=2))
        return await labels(*given)

    monkeypatch.setattr(reading, "labels", posted_meanwhile)
    years = []
    for _ in range(2):
        answer = await grading.http.post(f"{URL}/what-if", json={})
        assert answer.status_code == 200, answer.text
        years.append(answer.json()["year"])
    assert years == [2020, 2021]


async def test_what_if_cuts_no_more_than_is_emitted(
    grading: Grading, enterprise: Enterprise, farm: Farm
) -> None:
    await grading.put()
    await grading.post(enterprise(), farm())

    async def refused(path: str, cut: str) -> str:
        answer = await grading.http.post(f"{path}/what-if", json={"reduction_t": cut})
        assert answer.status_code == 422, answer.text
        detail: str = answer.json()["detail"]
        return detail

    most = "/reduction_t: expected at most the total of 13875.24 t, got 13875.240000001"
    assert await refused(URL, "13875.240000001") == most
    barn = "/v1/labels/agri/farm:sanyi"
    less = "/reduction_t: expected less than the gross emissions of 1000 t, got 1000"
    assert await refused(barn, "1000") == less
    assert "must be a plain decimal number" in await refused(URL, "NaN")
    assert "expected a finite decimal" in await refused(URL, "1e40")
    all_of_it = await grading.http.post(f"{URL}/what-if", json={"reduction_t": "13875.24"})
    assert (all_of_it.json()["label"], all_of_it.json()["ratio"]) == ("deep_green", "0.000000")
    for output in ("0", "-1"):
        none = await grading.http.post(f"{URL}/what-if", json={"output": output})
        assert none.json()["detail"] == f"/output: expected more than zero, got {output}"
    huge = await grading.http.post(f"{URL}/what-if", json={"output": "1e30"})
    assert (huge.json()["label"], huge.json()["ratio"]) == ("deep_green", "0.000000")


async def test_what_if_takes_value_added_where_the_benchmark_is_per_that(
    grading: Grading, enterprise: Enterprise
) -> None:
    await grading.put(unit="1e4CNY", benchmark="0.35")
    await grading.post(
        enterprise(product_unit="set", total_t=35, value_added_1e4cny=100, months_output=0)
    )
    found = (await grading.http.post(f"{URL}/what-if", json={"output": "50"})).json()
    assert (found["label"], found["ratio"]) == ("red", "2.000000")
    assert (found["current"]["label"], found["current"]["ratio"]) == ("light_green", "1.000000")


async def test_another_benchmark_and_what_the_next_colour_takes(
    grading: Grading, enterprise: Enterprise, farm: Callable[..., Event]
) -> None:
    await grading.put()
    await grading.post(enterprise(), farm(), enterprise("alone", sector="9999"))
    alone = "/v1/labels/industrial/alone/what-if"
    assert (await grading.http.post(alone, json={})).json()["reason"]["code"] == "no_benchmark"
    given = (await grading.http.post(alone, json={"benchmark": "0.11"})).json()
    assert (given["label"], given["next"]["reduction_t"]) == ("light_green", "1808.68")
    url = f"/v1/labels/industrial/{(await grading.label())['id']}/what-if"
    found = (await grading.http.post(url, json={})).json()
    assert (found["label"], found["policy"]["rate_bp"]) == ("light_green", "-25")
    assert (found["next"]["label"], found["next"]["reduction_t"]) == ("deep_green", "1808.68")
    enough = (await grading.http.post(url, json={"reduction_t": "1808.68"})).json()
    assert (enough["label"], enough["ratio"], enough["next"]) == ("deep_green", "0.800000", None)
    short = (await grading.http.post(url, json={"reduction_t": "1808.679999999"})).json()
    assert (short["label"], short["next"]["reduction_t"]) == ("light_green", "0.000000001")
    norm = (await grading.http.post(url, json={"benchmark": "0.08"})).json()
    assert (norm["label"], norm["benchmark"], norm["benchmark_kind"]) == ("red", "0.08", "supposed")
    assert norm["next"]["label"] == "yellow" and "supposed value" in norm["reason"]["en"]
    zero = await grading.http.post(url, json={"benchmark": "0"})
    assert zero.json()["detail"] == "/benchmark: expected more than zero, got 0"
    barn = await grading.http.post("/v1/labels/agri/farm:sanyi/what-if", json={"benchmark": "1"})
    assert barn.json()["detail"] == "/benchmark: a farm is not graded by benchmark"
