"""Wrong events over HTTP: each its exact status, problem and field; valid ones are kept."""

from collections.abc import Callable
from typing import Any, NamedTuple

import httpx

from tests.e2e.city import BATCH, EVENT, City
from tests.e2e.events import Author, Event

CITIZEN = "11010519491231002X"
PROBLEM = "application/problem+json"


class Wrong(NamedTuple):
    """What is wrong, the event, and the problem and place that the door must name."""

    what: str
    event: Callable[[Author], Event]
    problem: str
    pointer: str
    says: str = ""


WRONG = (
    Wrong("missing field", lambda a: a.reading(value=None), "missing-field", "/data/value"),
    Wrong("missing time", lambda a: a.payment({"time": None}), "missing-field", "/time"),
    Wrong("wrong type", lambda a: a.payment(amount=True), "wrong-type", "/data/amount"),
    Wrong(
        "unknown type",
        lambda a: a.payment({"type": "cn.tanzhang.payment.v2"}),
        "unknown-type",
        "/type",
        "cn.tanzhang.payment.v1",
    ),
    Wrong("unknown field", lambda a: a.straw(colour="red"), "unknown-field", "/data/colour"),
    Wrong("unknown unit", lambda a: a.reading(unit="furlong"), "unknown-word", "/data/unit", "kWh"),
    Wrong(
        "unknown word", lambda a: a.payment(kind="gift"), "unknown-word", "/data/kind", "bus_ride"
    ),
    Wrong("negative reading", lambda a: a.reading(value="-1"), "out-of-range", "/data/value"),
    Wrong("negative amount", lambda a: a.payment(amount="-0.01"), "out-of-range", "/data/amount"),
    Wrong("negative quantity", lambda a: a.activity(quantity=-2), "out-of-range", "/data/quantity"),
    Wrong("negative area", lambda a: a.straw(area_ha="-1"), "out-of-range", "/data/area_ha"),
    Wrong(
        "reading ends before it starts",
        lambda a: a.reading(end="2022-02-28T23:00:00+08:00"),
        "wrong-order",
        "/data/end",
    ),
    Wrong(
        "activity ends when it starts",
        lambda a: a.activity(end="2020-01-01"),
        "wrong-order",
        "/data/end",
    ),
    Wrong(
        "bad credit code",
        lambda a: a.activity({"subject": "91350100M000100Y44"}),
        "wrong-identifier",
        "/subject",
        "unified social credit code",
    ),
    Wrong(
        "citizen id as token",
        lambda a: a.payment({"subject": f"e2e:{CITIZEN}"}),
        "personal-identifier",
        "/subject",
        "citizen id",
    ),
    Wrong(
        "mobile number as reference",
        lambda a: a.payment(channel_ref="13800138000"),
        "personal-identifier",
        "/data/channel_ref",
        "mobile number",
    ),
)


def is_as_told(problem: dict[str, Any], wrong: Wrong) -> None:
    assert problem["type"] == f"urn:tanzhang:problem:{wrong.problem}", (wrong.what, problem)
    assert problem["status"] == 422, wrong.what
    assert [error["pointer"] for error in problem["errors"]] == [wrong.pointer], wrong.what
    assert wrong.says in problem["errors"][0]["detail"], (wrong.what, problem)
    assert CITIZEN not in str(problem)


def refused(answer: httpx.Response, status: int, name: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    found: dict[str, Any] = answer.json()
    assert (found["type"], found["status"]) == (f"urn:tanzhang:problem:{name}", status)
    return found


async def test_each_alone_and_all_among_valid_ones(city: City, author: Author) -> None:
    await city.register_enterprise(author)
    await city.register_farm(author)
    for wrong in WRONG:
        answer = await city.post(wrong.event(author), EVENT)
        is_as_told(refused(answer, 422, wrong.problem), wrong)
    batch = [
        author.payment(),
        *(wrong.event(author) for wrong in WRONG),
        author.activity(quantity="2.5"),
        author.straw(),
    ]

    answer = await city.post(batch)

    assert answer.status_code == 202, answer.text
    assert answer.json()["accepted"] == 3
    for index, (wrong, item) in enumerate(
        zip(WRONG, answer.json()["rejected"], strict=True), start=1
    ):
        assert (item["index"], item["id"]) == (index, batch[index]["id"])
        is_as_told(item["problem"], wrong)
    await city.shows(lambda: city.personal(author.person()), reduction_g="23.096")
    await city.shows(lambda: city.industrial(author, 2020), process_t="2.5", total_t="2.5")
    await city.shows(lambda: city.agri(author, 2020), straw_t="168.194458667")


async def test_none_valid(city: City, author: Author) -> None:
    answer = await city.post([wrong.event(author) for wrong in WRONG])

    found = refused(answer, 422, "no-valid-event")
    assert (found["accepted"], len(found["rejected"])) == (0, len(WRONG))
    pointers = [error["pointer"] for error in found["errors"]]
    assert pointers == [f"/{index}{wrong.pointer}" for index, wrong in enumerate(WRONG)]


async def test_too_many_too_large_not_json_wrong_content_type(city: City, author: Author) -> None:
    too_many = await city.post([author.payment() for _ in range(1001)])
    assert "1000" in refused(too_many, 413, "too-large")["detail"]

    valid = b"[%b]" % str(author.payment()).replace("'", '"').encode()
    too_large = await city.post(valid.ljust(9 * 1024 * 1024))
    assert "8" in refused(too_large, 413, "too-large")["detail"]

    refused(await city.post(b'[{"specversion": "1.0",'), 400, "not-json")
    refused(await city.post(b"<event/>", EVENT), 400, "not-json")
    for media in ("text/plain", "application/json", "application/xml"):
        refused(await city.post(valid, media), 415, "unsupported-media-type")

    await city.send(author.payment())
    await city.shows(lambda: city.personal(author.person()), reduction_g="23.096")


async def test_whom_the_door_lets_in(city: City, author: Author) -> None:
    def bearer(**claims: Any) -> dict[str, str]:
        return {"authorization": f"Bearer {city.token(**claims)}"}

    batch = [author.payment()]
    for missing in ({"authorization": ""}, {"authorization": "Bearer x.y.z"}):
        answer = await city.post(batch, BATCH, missing)
        refused(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"
    scope = await city.post(batch, BATCH, bearer(scopes=["events:write:meter-readings"]))
    assert "events:write:payments" in scope.text
    refused(scope, 403, "forbidden")
    for claim, pointer in (("sources", "/0/source"), ("subjects", "/0/subject")):
        foreign = await city.post(batch, BATCH, bearer(**{claim: ["urn:others:*"]}))
        found = refused(foreign, 403, "forbidden")
        assert [error["pointer"] for error in found["errors"]] == [pointer]

    only = bearer(
        scopes=["events:write:payments"], sources=[author.source], subjects=["e2e:*"], client="bank"
    )
    answer = await city.post([author.reading(), author.payment(), *batch], BATCH, only)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
    assert answer.json()["rejected"][0]["problem"]["status"] == 403
    await city.shows(lambda: city.personal(author.person()), reduction_g="46.192")
    assert (await city.http.get(city.state.url("personal") + "/v1/scenarios")).status_code == 401


async def test_binary_and_structured_mode(city: City, author: Author) -> None:
    event = author.payment()
    attributes = {f"ce-{name}": value for name, value in event.items() if name != "data"}

    structured = await city.post(author.payment(), EVENT)
    binary = await city.post(event["data"], "application/json", attributes)
    wrong = await city.post({**event["data"], "channel": "fax"}, "application/json", attributes)

    for answer in (structured, binary):
        assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "rejected": []})
    found = refused(wrong, 422, "unknown-word")
    assert [error["pointer"] for error in found["errors"]] == ["/data/channel"]
    await city.shows(lambda: city.personal(author.person()), reduction_g="46.192")
