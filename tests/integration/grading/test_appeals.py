"""An enterprise contests its label; an operator upholds it or re-opens it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from shared.auth.principal import Principal
from shared.events.envelope import Event

Enterprise = Callable[..., Event]
Grading = Any  # the fixture of conftest.py
ID = "91330800704206161W"
URL = f"/v1/labels/industrial/{ID}"
BENCHMARKS = "/v1/benchmarks/1495/2020"
WHY = {"reason": "the meter was changed in May", "evidence": "protocol 17"}


async def filed(grading: Grading, **more: Any) -> dict[str, Any]:
    answer = await grading.http.post(f"{URL}/appeals", json=WHY | more)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def decided(grading: Grading, id: str, decision: str, status: int = 200) -> dict[str, Any]:
    body = {"decision": decision, "note": "looked at the protocol"}
    answer = await grading.http.post(f"/v1/appeals/{id}/decision", json=body)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def marks(label: dict[str, Any]) -> tuple[bool, bool]:
    return label["contested"], label["suspended"]


async def test_an_upheld_label_stands(grading: Grading, enterprise: Enterprise) -> None:
    await grading.put()
    await grading.post(enterprise())
    assert marks(await grading.label()) == (False, False)
    given = await filed(grading)
    assert (given["status"], given["status_zh"]) == ("open", "处理中，裁定前标签继续有效")
    contested = await grading.label()
    assert marks(contested) == (True, False)
    assert "申诉处理中" in contested["notice"]["zh"]
    assert await grading.findings() == []

    found = await decided(grading, given["id"], "upheld")
    assert (found["status"], found["note"]) == ("upheld", "looked at the protocol")
    assert (found["decided_by"], found["decided_at"]) == ("local", "2021-06-15T00:00:00Z")
    assert found["regraded"] is None and found["now"]["label"] == "light_green"
    after = await grading.label()
    assert marks(after) == (False, False) and after["notice"] is None
    assert len(await grading.sent()) == 1
    [entry] = (await grading.http.get(f"{URL}/history")).json()["items"]
    assert [(a["id"], a["status"]) for a in entry["appeals"]] == [(given["id"], "upheld")]
    assert await grading.findings() == []


async def test_a_reopened_label_is_graded_anew_and_suspended_until_new_data(
    grading: Grading, enterprise: Enterprise
) -> None:
    await grading.put()
    await grading.post(enterprise())
    given = await filed(grading, year=2020)
    found = await decided(grading, given["id"], "reopened")
    cause = f"appeal:{given['id']}"
    assert found["regraded"] == {
        "label": "light_green",
        "ratio": "0.919914",
        "intensity": "0.101190",
        "benchmark_version": "1495/xylitol/2020#1",
        "cause": cause,
        "n": 1,
    }
    label = await grading.label()
    assert marks(label) == (False, True) and "暂停使用" in label["notice"]["zh"]
    passport = (await grading.http.get(f"/v1/passports/industrial/{ID}")).json()
    assert passport["label"]["suspended"] is True
    # The word has not changed: nothing is announced.
    assert len(await grading.sent()) == 1
    await grading.tick()
    assert marks(await grading.label()) == (False, True)
    assert await grading.findings() == []

    await grading.post(enterprise(sequence=2, total_t="9000"))
    assert marks(await grading.label()) == (False, False)
    history = (await grading.http.get(f"{URL}/history")).json()["items"]
    assert [(h["n"], h["label"], len(h["appeals"])) for h in history] == [
        (2, "deep_green", 0),
        (1, "light_green", 1),
    ]
    assert history[1]["appeals"][0]["regraded"]["cause"] == cause
    assert await grading.findings() == []


async def test_a_regrading_that_changes_the_word_is_announced_with_its_appeal(
    grading: Grading, enterprise: Enterprise
) -> None:
    await grading.put()
    await grading.post(enterprise(year=2021, months_energy=5, months_output=5))
    given = await filed(grading)
    grading.time.now = datetime(2021, 7, 2, tzinfo=UTC)  # June is missing, and no tick has looked
    found = await decided(grading, given["id"], "reopened")
    assert (found["regraded"]["label"], found["regraded"]["n"]) == ("ungraded", 2)
    changes = [(e.data.previous, e.data.label) for e in await grading.sent()]
    assert changes == [(None, "light_green"), ("light_green", "ungraded")]
    history = (await grading.http.get(f"{URL}/history")).json()["items"]
    assert [h["cause"] == f"appeal:{given['id']}" for h in history] == [True, False]
    assert [len(h["appeals"]) for h in history] == [0, 1]
    assert await grading.findings() == []


async def test_a_benchmark_that_does_not_decide_ends_no_suspension(
    grading: Grading, enterprise: Enterprise
) -> None:
    await grading.put(kind="norm")
    await grading.post(enterprise())
    await decided(grading, (await filed(grading))["id"], "reopened")
    # Of a lesser kind, of an earlier year, and gone again: the norm of 2020 decides throughout.
    await grading.put(kind="city_median", benchmark="9")
    await grading.put(2019, kind="norm", benchmark="9")
    gone = await grading.http.delete(f"{BENCHMARKS}?product=xylitol&kind=city_median")
    assert gone.json()["withdrawn"] is True
    label = await grading.label()
    assert (marks(label), label["benchmark_version"]) == ((False, True), "1495/xylitol/2020#1")
    await grading.put(kind="norm", benchmark="0.12")
    assert marks(await grading.label()) == (False, False)
    assert await grading.findings() == []


async def test_a_new_benchmark_ends_a_suspension_and_an_upheld_appeal_does_too(
    grading: Grading, enterprise: Enterprise
) -> None:
    await grading.put()
    await grading.post(enterprise())
    await decided(grading, (await filed(grading))["id"], "reopened")
    await grading.put(benchmark="0.1001")
    assert marks(await grading.label()) == (False, False)
    await decided(grading, (await filed(grading))["id"], "reopened")
    second = await filed(grading)
    assert marks(await grading.label()) == (True, True)
    await decided(grading, second["id"], "upheld")
    assert marks(await grading.label()) == (False, False)
    assert await grading.findings() == []


async def test_one_appeal_of_a_year_at_a_time_and_one_decision_each(
    grading: Grading, enterprise: Enterprise
) -> None:
    await grading.put()
    await grading.post(enterprise(), enterprise(year=2021, sequence=2, output=0))
    first = await filed(grading, year=2020)
    again = await grading.http.post(f"{URL}/appeals", json=WHY | {"year": 2020})
    assert (again.status_code, again.json()["detail"]) == (
        409,
        "An appeal against the label of 2020 is open",
    )
    await filed(grading, year=2021)
    await decided(grading, first["id"], "upheld")
    late = await decided(grading, first["id"], "reopened", status=409)
    assert late["type"] == "urn:tanzhang:problem:appeal-decided"
    assert late["detail"] == "The appeal was upheld on 2021-06-15T00:00:00+00:00"
    assert (await filed(grading, year=2020))["status"] == "open"


async def test_operators_see_what_is_open_oldest_first(
    grading: Grading, enterprise: Enterprise
) -> None:
    await grading.post(enterprise("one"), enterprise("two"), enterprise("three"))
    ids = []
    for n, id in enumerate(("one", "two", "three")):
        grading.time.now = grading.time.now.replace(hour=n)
        answer = await grading.http.post(f"/v1/labels/industrial/{id}/appeals", json=WHY)
        ids.append(answer.json()["id"])
    await decided(grading, ids[1], "upheld")

    async def listed(query: str) -> list[str]:
        answer = await grading.http.get(f"/v1/appeals?{query}")
        assert answer.status_code == 200, answer.text
        return [item["account_id"] for item in answer.json()["items"]]

    assert await listed("status=open") == ["one", "three"]
    assert await listed("status=upheld") == ["two"]
    assert await listed("") == ["one", "two", "three"]
    page = (await grading.http.get("/v1/appeals?limit=2")).json()
    assert await listed(f"cursor={page['next']}") == ["three"]
    wrong = await grading.http.get("/v1/appeals?status=lost")
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/query/status")


async def test_an_appeal_names_no_person(grading: Grading, enterprise: Enterprise) -> None:
    await grading.post(enterprise())
    for wrong in ({"reason": "ask 13812345678"}, {"evidence": "https://a.example/13812345678"}):
        answer = await grading.http.post(f"{URL}/appeals", json={"reason": "wrong output"} | wrong)
        assert answer.status_code == 422, answer.text
        [error] = answer.json()["errors"]
        assert [error["pointer"]] == [f"/{name}" for name in wrong]
        assert "looks like a mobile number" in error["detail"]


async def test_wrong_decisions_name_the_field(grading: Grading, enterprise: Enterprise) -> None:
    await grading.post(enterprise())
    id = (await filed(grading))["id"]

    async def refused(body: dict[str, str]) -> tuple[str, str]:
        answer = await grading.http.post(f"/v1/appeals/{id}/decision", json=body)
        assert answer.status_code == 422, answer.text
        [error] = answer.json()["errors"]
        return error["pointer"], error["detail"]

    assert await refused({"decision": "lost", "note": "x"}) == (
        "/decision",
        "must be one of: reopened, upheld",
    )
    assert await refused({"decision": "upheld"}) == ("/note", "is missing")
    assert await refused({"decision": "upheld", "note": "ask 13812345678"}) == (
        "/note",
        "looks like a mobile number; expected no identifier of a person",
    )
    body = {"decision": "upheld", "note": "x"}
    unknown = await grading.http.post(f"/v1/appeals/{uuid4()}/decision", json=body)
    assert unknown.status_code == 404
    nobodys = await grading.http.get("/v1/labels/industrial/nobody/appeals")
    assert nobodys.status_code == 404
    no_id = await grading.http.post("/v1/appeals/17/decision", json=body)
    assert (no_id.status_code, no_id.json()["errors"][0]["pointer"]) == (422, "/path/appeal_id")


class Tokens:
    """An enterprise that appeals, and an operator who decides."""

    async def principal(self, token: str) -> Principal:
        scopes = {"enterprise": ("appeals:write", "labels:read"), "operator": ("appeals:decide",)}
        subjects = {"enterprise": (ID,), "operator": ("*",)}
        return Principal(token, frozenset(scopes[token]), (), subjects[token])


async def test_deciding_takes_a_scope_of_its_own(grading: Grading, enterprise: Enterprise) -> None:
    await grading.post(enterprise())
    grading.app.state.verifier = Tokens()
    grading.http.headers["authorization"] = "Bearer enterprise"
    id = (await filed(grading))["id"]
    refused = await decided(grading, id, "reopened", status=403)
    assert refused["scope"] == "appeals:decide"
    assert (await grading.http.get("/v1/appeals")).status_code == 403
    grading.http.headers["authorization"] = "Bearer operator"
    assert len((await grading.http.get("/v1/appeals?status=open")).json()["items"]) == 1
    found = await decided(grading, id, "reopened")
    assert found["decided_by"] == "operator"
