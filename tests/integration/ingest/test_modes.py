"""What is accepted in each mode is in Kafka, keyed by its subject, in order, as it was sent."""

import json
from collections.abc import AsyncIterator

import httpx

from tests.integration.ingest.door import (
    BATCH,
    EVENT,
    PAYMENT,
    PERSON,
    SOURCE,
    Door,
    payment,
    reading,
)

CONTENT_TYPE = b"application/cloudevents+json; charset=UTF-8"


async def test_structured(door: Door) -> None:
    event = payment({"traceparent": "00-ab"})

    answer = await door.post(event, EVENT + "; charset=UTF-8")

    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "rejected": []})
    (record,) = await door.stored("payments", {event["id"]})
    assert record.key == PERSON.encode()
    assert json.loads(record.value) == event
    assert dict(record.headers)["content-type"] == CONTENT_TYPE


async def test_binary(door: Door) -> None:
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "id-%E7%A2%B3",
        "ce-source": SOURCE,
        "ce-type": "cn.tanzhang.payment.v1",
        "ce-subject": PERSON,
        "ce-time": "2020-01-01T08:00:00+08:00",
    }

    answer = await door.post(PAYMENT, "application/json;charset=utf8", headers)

    assert answer.json() == {"accepted": 1, "rejected": []}
    (record,) = await door.stored("payments", {"id-碳"})
    assert json.loads(record.value)["data"] == PAYMENT


async def test_batch_keeps_the_order_of_a_subject_and_its_repeats(door: Door) -> None:
    events = [payment({"id": f"p{n}"}) for n in range(300)]
    events.insert(200, events[100])
    events.insert(0, reading({"id": "r"}))

    answer = await door.post(events, BATCH)

    assert answer.json() == {"accepted": 302, "rejected": []}
    stored = await door.stored("payments", {"p299"})
    assert [json.loads(r.value)["id"] for r in stored] == [e["id"] for e in events[1:]]
    assert len({r.partition for r in stored}) == 1
    assert len(await door.stored("meter-readings", {"r"})) == 1


async def test_an_empty_batch(door: Door) -> None:
    answer = await door.post([], BATCH)

    assert (answer.status_code, answer.json()) == (202, {"accepted": 0, "rejected": []})


async def test_a_thousand_and_no_more(door: Door) -> None:
    events = [payment({"id": f"n{n}", "subject": f"jsrcb:{n:08}"}) for n in range(1000)]

    answer = await door.post(events, BATCH)
    refused = await door.post([*events, payment()], BATCH)

    assert answer.json() == {"accepted": 1000, "rejected": []}
    assert refused.status_code == 413
    assert refused.json()["type"] == "urn:tanzhang:problem:too-large"
    assert "1000" in refused.json()["detail"]
    stored = await door.stored("payments", {e["id"] for e in events})
    assert len(stored) == 1000


async def test_a_body_past_eight_mebibytes_that_does_not_say_its_length(door: Door) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"["
        for _ in range(9):
            yield b" " * 1024 * 1024

    headers = {"authorization": f"Bearer {door.token()}", "content-type": BATCH}
    answer = await door.client.post("/v1/events", content=chunks(), headers=headers)

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


async def test_event_types_and_schemas(door: Door) -> None:
    listed = (await door.get("/v1/event-types")).json()
    assert listed["next"] is None
    assert "cn.tanzhang.payment.v1" in [t["type"] for t in listed["items"]]
    for item in listed["items"]:
        schema = await door.get(f"/v1/event-types/{item['type']}/schema")
        assert schema.json()["properties"]["type"] == {"const": item["type"]}
    missing = await door.get("/v1/event-types/cn.tanzhang.none.v1/schema")
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:tanzhang:problem:not-found")


async def test_events_are_counted(door: Door) -> None:
    await door.post([payment(), payment(), payment(kind="wrong")], BATCH)

    text = (await door.client.get("/metrics")).text

    labels = 'client="bank",outcome="{}",service="ingest",type="{}"'
    counted = labels.format("accepted", "cn.tanzhang.payment.v1")
    assert f"tanzhang_events_in_total{{{counted}}}" in text
    rejected = labels.format("rejected", "unknown")
    assert f"tanzhang_events_in_total{{{rejected}}}" in text


async def test_probes_need_no_token(door: Door) -> None:
    for path in ("/livez", "/readyz", "/metrics", "/openapi.json"):
        answer: httpx.Response = await door.client.get(path)
        assert answer.status_code == 200, path
