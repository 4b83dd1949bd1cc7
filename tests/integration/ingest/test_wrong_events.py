"""Each wrong event: its exact status, problem and pointer; the valid ones beside it are kept."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.ingest.door import BATCH, EVENT, Door, payment, reading

AHEAD = (datetime.now(UTC) + timedelta(hours=25)).isoformat()
NAN = float("nan")
CITIZEN = "11010519491231002X"
UNSUPPORTED = (
    None,
    "application/json",
    "text/plain",
    "application/xml",
    "application/cloudevents+xml",
    "application/cloudevents+json; charset=gbk",
    "application/x-www-form-urlencoded",
    ";",
)
# Event, problem, pointer.
WRONG: list[tuple[dict[str, Any], str, str]] = [
    (payment({"specversion": None}), "missing-field", "/specversion"),
    (payment({"specversion": "0.3"}), "wrong-specversion", "/specversion"),
    (payment({"id": None}), "missing-field", "/id"),
    (payment({"id": ""}), "missing-field", "/id"),
    (payment({"id": "x" * 129}), "too-long", "/id"),
    (payment({"id": CITIZEN}), "personal-identifier", "/id"),
    (payment({"source": None}), "missing-field", "/source"),
    (payment({"type": None}), "missing-field", "/type"),
    (payment({"type": "cn.tanzhang.payment.v9"}), "unknown-type", "/type"),
    (payment({"type": "cn.tanzhang.points.tier.v1"}), "unknown-type", "/type"),
    (payment({"subject": None}), "missing-field", "/subject"),
    (payment({"subject": "jsrcb:short"}), "wrong-identifier", "/subject"),
    (payment({"subject": f"jsrcb:{CITIZEN}"}), "personal-identifier", "/subject"),
    (payment({"subject": "jsrcb:13800138000"}), "personal-identifier", "/subject"),
    (payment({"time": None}), "missing-field", "/time"),
    (payment({"time": "yesterday"}), "wrong-format", "/time"),
    (payment({"time": "2020-01-01T08:00:00"}), "wrong-format", "/time"),
    (payment({"time": AHEAD}), "out-of-range", "/time"),
    (payment({"data": None}), "missing-field", "/data"),
    (payment({"data": "text"}), "wrong-type", "/data"),
    (payment({"data": None, "data_base64": "AA=="}), "unsupported-data", "/data_base64"),
    (payment({"datacontenttype": "text/xml"}), "unsupported-data", "/datacontenttype"),
    (payment(kind="gift"), "unknown-word", "/data/kind"),
    (payment(channel="fax"), "unknown-word", "/data/channel"),
    (payment(amount=None), "missing-field", "/data/amount"),
    (payment(amount="NaN"), "wrong-format", "/data/amount"),
    (payment(amount="1,5"), "wrong-format", "/data/amount"),
    (payment(amount="-1"), "out-of-range", "/data/amount"),
    (payment(amount="1e16"), "out-of-range", "/data/amount"),
    (payment(amount=True), "wrong-type", "/data/amount"),
    (payment(currency="yuan"), "too-long", "/data/currency"),
    (payment(kind="walking"), "missing-field", "/data/quantity"),
    (payment(colour="red"), "unknown-field", "/data/colour"),
    (payment(channel_ref="13800138000"), "personal-identifier", "/data/channel_ref"),
    (payment({"id": "self"}, reverses="self"), "wrong-target", "/data/reverses"),
    (reading({"subject": "91350100M000100Y44"}), "wrong-identifier", "/subject"),
    (reading(meter_id=None), "missing-field", "/data/meter_id"),
    (reading(value=None), "missing-field", "/data/value"),
    (reading(unit="furlong"), "unknown-word", "/data/unit"),
    (reading(quality="guessed"), "unknown-word", "/data/quality"),
    (reading(start=None), "missing-field", "/data/start"),
    (reading(end="2020-01-01T00:00:00+08:00"), "wrong-order", "/data/end"),
    (reading(end="2020-01-01"), "wrong-format", "/data/end"),
    (reading(kind="register"), "unexpected-field", "/data/start"),
]


async def test_each_alone(door: Door) -> None:
    for event, name, pointer in WRONG:
        answer = await door.post(event)

        case = f"{name} {pointer}: {answer.text}"
        found = answer.json()
        assert answer.status_code == 422, case
        assert answer.headers["content-type"] == "application/problem+json"
        assert found["type"] == f"urn:tanzhang:problem:{name}", case
        assert [e["pointer"] for e in found["errors"]] == [pointer], case
        assert found["accepted"] == 0
        assert found["rejected"][0]["problem"]["type"] == found["type"]
        assert CITIZEN not in answer.text


async def test_all_at_once_among_valid_ones(door: Door) -> None:
    batch: list[Any] = []
    for n, (event, _, _) in enumerate(WRONG):
        batch += [payment({"id": f"good-{n}"}), event]
    good = {f"good-{n}" for n in range(len(WRONG))}

    answer = await door.post(batch, BATCH)

    assert answer.status_code == 202
    found = answer.json()
    assert found["accepted"] == len(WRONG)
    assert [r["index"] for r in found["rejected"]] == list(range(1, 2 * len(WRONG), 2))
    for rejected, (event, name, pointer) in zip(found["rejected"], WRONG, strict=True):
        problem = rejected["problem"]
        assert (problem["type"], problem["status"]) == (f"urn:tanzhang:problem:{name}", 422)
        assert [e["pointer"] for e in problem["errors"]] == [pointer]
        shown = event.get("id") if pointer != "/id" or name == "missing-field" else None
        assert rejected["id"] == shown
    stored = await door.stored("payments", good)
    assert sorted(json.loads(r.value)["id"] for r in stored) == sorted(good)


async def test_none_valid(door: Door) -> None:
    answer = await door.post([payment(kind="gift"), reading(value="x"), 7, None, []], BATCH)

    assert answer.status_code == 422
    found = answer.json()
    assert found["type"] == "urn:tanzhang:problem:no-valid-event"
    assert found["accepted"] == 0
    assert [r["index"] for r in found["rejected"]] == [0, 1, 2, 3, 4]
    assert [e["pointer"] for e in found["errors"]] == [
        "/0/data/kind",
        "/1/data/value",
        "/2",
        "/3",
        "/4",
    ]


async def test_not_json(door: Door) -> None:
    for raw in (b"", b"{", b"\xff\xfe", b'{"id": "\\ud800"}', b"{'id': 1}"):
        for media in (EVENT, BATCH):
            answer = await door.post(raw, media)
            assert answer.status_code == 400, (raw, media, answer.text)
            assert answer.json()["type"] == "urn:tanzhang:problem:not-json"


async def test_what_only_some_call_json_takes_no_other_event_with_it(door: Door) -> None:
    # As JavaScript writes a character that was cut in two, and Python what is no number.
    batch = [payment({"id": "half\ud842"}), payment({"id": "whole"}), payment({}, amount=NAN)]

    answer = await door.post(batch, BATCH)

    assert answer.status_code == 202, answer.text
    found = answer.json()
    assert found["accepted"] == 1
    assert [r["index"] for r in found["rejected"]] == [0, 2]
    assert {r["problem"]["type"] for r in found["rejected"]} == {"urn:tanzhang:problem:not-json"}
    await door.stored("payments", {"whole"})


async def test_a_batch_that_is_no_list(door: Door) -> None:
    answer = await door.post(payment(), BATCH)

    assert (answer.status_code, answer.json()["type"]) == (400, "urn:tanzhang:problem:not-json")


async def test_deep_nesting(door: Door) -> None:
    for opening in (b"[", b'{"a":'):
        for media in (EVENT, BATCH):
            answer = await door.post(opening * 12_000, media)
            assert answer.status_code in (400, 422)
            assert answer.headers["content-type"] == "application/problem+json"


async def test_a_large_event(door: Door) -> None:
    answer = await door.post(payment({"extension": "x" * 70_000}))
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:tanzhang:problem:too-large")

    batch = await door.post([payment(), payment({"extension": "x" * 70_000})], BATCH)
    assert batch.status_code == 202
    assert [r["problem"]["status"] for r in batch.json()["rejected"]] == [413]


async def test_content_types(door: Door) -> None:
    for media in UNSUPPORTED:
        answer = await door.post(payment(), media)

        assert answer.status_code == 415, media
        assert answer.json()["type"] == "urn:tanzhang:problem:unsupported-media-type"


async def test_binary_with_a_wrong_field(door: Door) -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "b", "ce-source": "s", "ce-type": "t"}

    answer = await door.post({}, "application/json", headers)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/subject")
    broken = await door.post(b"{", "application/json", headers)
    assert (broken.status_code, broken.json()["type"]) == (400, "urn:tanzhang:problem:not-json")
