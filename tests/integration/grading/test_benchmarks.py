"""Benchmarks, policies and passports over HTTP."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.grading.domain.rulebook import rulebook
from shared.events.envelope import Event
from shared.methodology import methodology
from tests.policies import with_own

Enterprise = Callable[..., Event]
Grading = Any  # the fixture of conftest.py
ID = "91330800704206161W"
BODY = {
    "product": "xylitol",
    "unit": "t",
    "benchmark": "0.1100",
    "kind": "published",
    "source": "a city notice",
}


async def test_the_benchmark_of_the_latest_year_up_to_the_asked(grading: Grading) -> None:
    await grading.put(2020)
    await grading.put(2022, benchmark="0.1")
    for year, held in ((2020, 2020), (2021, 2020), (2030, 2022)):
        found = (await grading.http.get(f"/v1/benchmarks/1495/{year}?product=xylitol")).json()
        assert (found["year"], found["illustrative"]) == (held, False)
    assert (await grading.http.get("/v1/benchmarks/1495/2019?product=xylitol")).status_code == 404
    assert (await grading.http.get("/v1/benchmarks/0000/2019")).status_code == 404


async def test_the_letter_of_a_section_makes_no_difference(grading: Grading) -> None:
    path, query = "/v1/benchmarks/{}/2020", "?product=xylitol"
    answer = await grading.http.put(path.format("C1495"), json=BODY)
    assert answer.json()["sector"] == "1495"
    for code in ("1495", "c1495"):
        found = await grading.http.get(path.format(code) + query)
        assert found.json()["benchmark"] == "0.11"
    wrong = await grading.http.get(path.format("steel") + query)
    assert (wrong.status_code, wrong.json()["errors"]) == (
        422,
        [{"pointer": "/path/sector", "detail": "expected a GB/T 4754 code of 2 to 4 digits"}],
    )


async def test_a_sample_is_shown_as_illustrative_and_gives_way(grading: Grading) -> None:
    found = (await grading.http.get("/v1/benchmarks/3011/2020")).json()
    assert (found["product"], found["benchmark"], found["illustrative"]) == (
        "clinker",
        "0.853",
        True,
    )
    body = BODY | {"product": "clinker", "benchmark": "0.8"}
    await grading.http.put("/v1/benchmarks/3011/2019?product=clinker", json=body)
    found = (await grading.http.get("/v1/benchmarks/3011/2020")).json()
    assert (found["benchmark"], found["illustrative"]) == ("0.8", False)
    assert found["cuts"] == {"deep_green": "0.8", "light_green": "1", "yellow": "1.2"}


async def test_a_product_must_be_named_where_there_are_several(grading: Grading) -> None:
    await grading.put(2020, product="maltitol")
    answer = await grading.http.get("/v1/benchmarks/1495/2020")
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"pointer": "/query/product", "detail": "expected one of maltitol, sugar_alcohol"}
    ]


async def test_a_product_whose_benchmark_is_withdrawn_need_not_be_told_apart(
    grading: Grading,
) -> None:
    path = "/v1/benchmarks/3011/2020"
    mistyped = BODY | {"product": "clinkre"}
    for kind in ("norm", "published"):
        await grading.http.put(path, json=mistyped | {"kind": kind})
    await grading.http.delete(f"{path}?product=clinkre&kind=published")
    answer = await grading.http.get(path)
    assert answer.json()["errors"][0]["detail"] == "expected one of clinker, clinkre"
    await grading.http.delete(f"{path}?product=clinkre&kind=norm")
    assert (await grading.http.get(path)).json()["product"] == "clinker"


async def test_wrong_bodies_name_the_fields(grading: Grading) -> None:
    async def pointers(query: str = "", **changes: Any) -> list[str]:
        answer = await grading.http.put(f"/v1/benchmarks/1495/2020{query}", json=BODY | changes)
        assert answer.status_code == 422, answer.text
        return [error["pointer"] for error in answer.json()["errors"]]

    falling = {"deep_green": "1.0", "light_green": "1.0", "yellow": "0.9"}
    assert await pointers(cuts=falling) == ["/cuts/light_green", "/cuts/yellow"]
    assert await pointers(cuts={"deep_green": "0.8", "light_green": "1"}) == ["/cuts/yellow"]
    assert await pointers(benchmark="0", kind="published") == ["/benchmark"]
    assert await pointers("?product=maltitol") == ["/product"]
    assert await pointers(kind="guess") == ["/kind"]
    assert await pointers(colour="red") == ["/colour"]
    assert await pointers(valid_from="2021-01-01") == ["/valid_from"]
    assert await pointers(unit=" ") == await pointers(unit="t/") == ["/unit"]
    assert await pointers(product=" ") == ["/product"]
    assert await pointers(product="13812345678") == ["/product"]
    assert await pointers(source="ask 13812345678") == ["/source"]
    nowhere = await grading.http.put("/v1/benchmarks/food/2020", json=BODY)
    assert (nowhere.status_code, nowhere.json()["errors"][0]["pointer"]) == (422, "/path/sector")


async def test_every_version_can_be_looked_up(grading: Grading, enterprise: Enterprise) -> None:
    await grading.put(valid_from="2020-07-01")
    await grading.post(enterprise())
    old = (await grading.label())["benchmark_version"]
    await grading.put(benchmark="0.2", cuts=None)
    await grading.http.delete("/v1/benchmarks/1495/2020?product=xylitol&kind=published")
    path = "/v1/benchmarks/1495/2020/versions?product=xylitol"
    items = (await grading.http.get(path)).json()["items"]
    found = [(i["version"], i["benchmark"], i["withdrawn"], i["valid_from"]) for i in items]
    assert found == [
        ("3", "0.2", True, None),
        ("2", "0.2", False, None),
        ("1", "0.11", False, "2020-07-01"),
    ]
    assert old.endswith("#1") and items[2]["recorded_by"] == "local"
    first = (await grading.http.get(f"{path}&limit=1")).json()
    rest = (await grading.http.get(f"{path}&cursor={first['next']}")).json()["items"]
    assert [first["items"][0]["version"], *(i["version"] for i in rest)] == ["3", "2", "1"]
    none = (await grading.http.get(path.replace("xylitol", "maltitol"))).json()
    assert none["items"] == []


async def test_policies_follow_labels(grading: Grading) -> None:
    items = (await grading.http.get("/v1/policies?kind=industrial")).json()["items"]
    assert {item["label"]: item["rate_bp"] for item in items}["deep_green"] == "-50"
    kinds = {item["kind"] for item in (await grading.http.get("/v1/policies")).json()["items"]}
    assert kinds == {"industrial", "agri", "personal"}


async def test_policies_are_shown_as_a_bank_grants_them(grading: Grading, tmp_path: Path) -> None:
    rules, state = rulebook(methodology(with_own(tmp_path, begins="2021-06-15"))), grading.app.state
    state.regrader = replace(state.regrader, rules=rules)

    async def best(query: str) -> str:
        items = (await grading.http.get(f"/v1/policies?kind=industrial{query}")).json()["items"]
        assert len(items) == 5
        id: str = items[0]["id"]
        return id

    assert await best("&bank=jsrcb") == "jsrcb.industrial.deep_green"
    assert await best("&bank=icbc") == await best("") == "industrial.deep_green"
    grading.time.now = datetime(2021, 6, 14, tzinfo=UTC)
    assert await best("&bank=jsrcb") == "industrial.deep_green"
    answer = await grading.http.get("/v1/policies?bank=JSRCB")
    assert answer.status_code == 422
    assert answer.json()["detail"] == "/query/bank: expected 2 to 32 of a-z, 0-9 and -"


async def test_a_passport_without_the_other_services_is_partial(
    grading: Grading, enterprise: Enterprise
) -> None:
    await grading.put()
    await grading.post(enterprise())
    found = (await grading.http.get(f"/v1/passports/industrial/{ID}")).json()
    assert (found["label"]["label"], found["policy"]["rate_bp"]) == ("light_green", "-25")
    assert (found["partial"], found["missing"]) == (True, ["account", "evidence"])
    person = (await grading.http.get("/v1/passports/personal/jsrcb:token-0001")).json()
    assert person["missing"] == ["account", "evidence", "tier"] and person["policy"] is None
    assert datetime.fromisoformat(found["issued_at"]) == datetime(2021, 6, 15, tzinfo=UTC)


async def test_a_passport_grants_nothing_by_a_label_whose_time_is_over(
    grading: Grading, enterprise: Enterprise
) -> None:
    async def policy() -> str:
        found = (await grading.http.get(f"/v1/passports/industrial/{ID}")).json()
        id: str = found["policy"]["id"]
        return id

    await grading.put()
    await grading.post(enterprise())
    assert await policy() == "industrial.light_green"
    grading.time.now = datetime(2022, 6, 15, tzinfo=UTC)
    assert await policy() == "industrial.ungraded"
    await grading.post(enterprise(sequence=2, total_t="99999"))
    assert await policy() == "industrial.red"
    grading.time.now = datetime(2023, 6, 15, tzinfo=UTC)
    assert await policy() == "industrial.red"


async def test_a_passport_grants_nothing_by_a_suspended_label(
    grading: Grading, enterprise: Enterprise
) -> None:
    await grading.put()
    await grading.post(enterprise())
    filed = await grading.http.post(f"/v1/labels/industrial/{ID}/appeals", json={"reason": "x"})
    body = {"decision": "reopened", "note": "x"}
    await grading.http.post(f"/v1/appeals/{filed.json()['id']}/decision", json=body)
    found = (await grading.http.get(f"/v1/passports/industrial/{ID}")).json()
    assert found["label"]["suspended"] and found["policy"]["id"] == "industrial.ungraded"
