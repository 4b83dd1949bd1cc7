"""CloudEvents over HTTP and Kafka: the ways in give the same event."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from shared.events import http
from shared.events.envelope import STRUCTURED, EventError, decode
from shared.events.kafka import HEADERS, from_record

Sample = Callable[..., dict[str, Any]]

# The example that the official conformance features use in every mode.
ATTRIBUTES = {
    "specversion": "1.0",
    "type": "com.example.someevent",
    "time": "2018-04-05T03:56:24Z",
    "id": "1234-1234-1234",
    "source": "/mycontext/subcontext",
}
BODY = b'{"message": "Hello World!"}'
WHOLE = ATTRIBUTES | {
    "datacontenttype": "application/json",
    "data": {"message": "Hello World!"},
}


def only(events: list[bytes | EventError]) -> bytes:
    assert len(events) == 1
    assert isinstance(events[0], bytes)
    return events[0]


def ce(attributes: Mapping[str, str], prefix: str = "ce-") -> dict[str, str]:
    return {prefix + name: value for name, value in attributes.items()}


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", None],
)
def test_http_binary(content_type: str | None) -> None:
    raw = only(http.parse(content_type, ce(ATTRIBUTES, "CE-"), BODY))
    said = content_type or "application/json"
    assert msgspec.json.decode(raw) == WHOLE | {"datacontenttype": said}


@pytest.mark.parametrize(
    "content_type",
    [
        "application/cloudevents+json",
        "application/cloudevents+json; charset=utf-8",
        'Application/CloudEvents+JSON;charset="UTF-8"',
        STRUCTURED,
    ],
)
def test_http_structured_is_passed_through(content_type: str) -> None:
    assert http.parse(content_type, {}, b" {not read here") == [b" {not read here"]


@pytest.mark.parametrize(
    "wrong", [rb'{"b": "\ud83d"}', b'{"b": NaN}', b'{"b": "\xff", "c": Infinity}']
)
@pytest.mark.parametrize("space", [b"", b" \n"])
def test_http_batch_parts_with_what_only_some_call_json(wrong: bytes, space: bytes) -> None:
    parts = [b'{"a": "\xe7\xa2\xb3"}', wrong, b'{"a": [1, {}]}']
    body = space + b"[" + space + (space + b"," + space).join(parts) + space + b"]" + space
    assert http.parse("application/cloudevents-batch+json", {}, body) == parts


@pytest.mark.parametrize(
    "body",
    [
        b"[NaN,]",
        b"[NaN",
        b"[NaN}",
        b"[NaN]]",
        b"[,NaN]",
        b"{NaN}",
        b"NaN",
        b"[NaN nul]",
        b"[NaN [1]]",
        b"[NaN,,1]",
        b"[NaN] 1",
        b"[" * 5000,
    ],
)
def test_http_batch_that_nobody_calls_json(body: bytes) -> None:
    with pytest.raises(EventError, match="not-json"):
        http.parse("application/cloudevents-batch+json", {}, body)


def test_http_batch_of_such_has_a_limit_too() -> None:
    body = b"[" + b",".join([b"NaN"] * (http.MAX_BATCH + 1)) + b"]"
    with pytest.raises(EventError, match="too-many"):
        http.parse("application/cloudevents-batch+json", {}, body)


def test_http_batch_keeps_every_byte() -> None:
    batch = "application/cloudevents-batch+json; charset=utf-8"
    assert http.parse(batch, {}, b'[{"a": 1.50} , 7,\n{"a":"\xc3\xa9"}]') == [
        b'{"a": 1.50}',
        b"7",
        b'{"a":"\xc3\xa9"}',
    ]
    assert http.parse(batch, {}, b"[]") == []
    assert len(http.parse(batch, {}, b"[" + b"1," * 999 + b"1]")) == 1000


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"", "not-json"),
        (b"{}", "not-json"),
        (b"[1", "not-json"),
        (b"[" * 9999, "not-json"),
        (b"[\xff]", "not-json"),
        (b"[" + b"1," * 1000 + b"1]", "too-many"),
    ],
)
def test_http_batch_that_cannot_be_read(body: bytes, name: str) -> None:
    with pytest.raises(EventError) as refused:
        http.parse("application/cloudevents-batch+json", {}, body)
    assert refused.value.name == name


@pytest.mark.parametrize(
    ("content_type", "headers"),
    [
        (None, {}),
        ("", {}),
        ("application/json", {}),
        ("text/xml", ce(ATTRIBUTES)),
        ("application/json; charset=gbk", ce(ATTRIBUTES)),
        ("application/cloudevents+json; charset=latin1", {}),
        ("application/cloudevents+avro", {}),
        ("application/cloudevents", {}),
    ],
)
def test_http_other_content_types(content_type: str | None, headers: dict[str, str]) -> None:
    with pytest.raises(http.UnsupportedContentType, match=r"cloudevents-batch\+json"):
        http.parse(content_type, headers, BODY)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ('"quoted%22 text"', 'quoted" text'),
        ("€".encode().decode("latin-1"), "€"),
        ("100%", "100%"),
    ],
)
def test_http_header_values(value: str, text: str) -> None:
    raw = only(http.parse("application/json", ce(ATTRIBUTES | {"note": value}), BODY))
    assert msgspec.json.decode(raw)["note"] == text


def test_an_attribute_that_is_there_twice_is_refused() -> None:
    twice = [*ce(ATTRIBUTES).items(), ("id", "of no attribute"), ("CE-ID", "5678")]
    headers = Headers(raw=[(name.encode(), value.encode()) for name, value in twice])
    (refused,) = http.parse("application/json", headers, BODY)
    assert isinstance(refused, EventError)
    assert (refused.name, refused.detail) == ("repeated-field", "/id is there twice")


@pytest.mark.parametrize(
    ("headers", "body", "name"),
    [
        ({"ce-note": "%FF"}, BODY, "wrong-format"),
        ({"ce-a_b": "x"}, BODY, "wrong-attribute"),
        ({"ce-data": "x"}, BODY, "wrong-attribute"),
        ({"ce-datacontenttype": "text/xml"}, BODY, "wrong-attribute"),
        ({}, b"", "missing-field"),
        ({}, b'{}, "subject": "other"', "not-json"),
        ({}, b'{"a":"\xff"}', "not-json"),
    ],
)
def test_http_binary_that_is_wrong(headers: dict[str, str], body: bytes, name: str) -> None:
    [error] = http.parse("application/json", ce(ATTRIBUTES) | headers, body)
    assert isinstance(error, EventError)
    assert error.name == name


@pytest.mark.parametrize("content_type", [b"application/json", b"application/json; charset=utf-8"])
def test_kafka_binary(content_type: bytes) -> None:
    headers = [(name, value.encode()) for name, value in ce(ATTRIBUTES, "ce_").items()]
    raw = from_record(BODY, [*headers, ("content-type", content_type)])
    assert msgspec.json.decode(raw) == WHOLE | {"datacontenttype": content_type.decode()}


@pytest.mark.parametrize(
    "headers",
    [
        [("content-type", b"application/cloudevents+json")],
        [("Content-Type", b"Application/CloudEvents+JSON; charset=utf-8"), ("ce_id", b"x")],
        [],
    ],
)
def test_kafka_structured(headers: list[tuple[str, bytes]]) -> None:
    whole = msgspec.json.encode(WHOLE)
    assert from_record(whole, headers) == whole


@pytest.mark.parametrize(
    ("value", "headers", "name"),
    [
        (None, [], "missing-field"),
        (b"", [("ce_specversion", b"1.0")], "missing-field"),
        (b"{}", [("ce_specversion", b"\xff")], "wrong-format"),
    ],
)
def test_kafka_records_without_an_event(
    value: bytes | None, headers: list[tuple[str, bytes]], name: str
) -> None:
    with pytest.raises(EventError) as refused:
        from_record(value, headers)
    assert refused.value.name == name


def test_all_ways_give_the_same_event(sample: Sample) -> None:
    body = sample("payment")
    raw = msgspec.json.encode(body)
    data = msgspec.json.encode(body["data"])
    attributes = {name: value for name, value in body.items() if name != "data"}
    binary = only(http.parse("application/json", ce(attributes), data))
    [batched] = http.parse("application/cloudevents-batch+json", {}, b"[" + raw + b"]")
    event = decode(raw, strict=True)
    assert isinstance(batched, bytes)
    assert HEADERS == [("content-type", b"application/cloudevents+json; charset=UTF-8")]
    for way in (binary, batched, from_record(event.raw, HEADERS)):
        again = decode(way, strict=True)
        assert (again.key, again.content) == (event.key, event.content)


@given(st.text(), st.binary(), st.dictionaries(st.text(max_size=9), st.text(max_size=9)))
def test_any_request_is_answered(content_type: str, body: bytes, extra: dict[str, str]) -> None:
    for media in (content_type, "application/json", "application/cloudevents-batch+json"):
        try:
            events = http.parse(media, ce(ATTRIBUTES) | ce(extra) | extra, body)
        except (http.UnsupportedContentType, EventError):
            continue
        assert all(isinstance(event, bytes | EventError) for event in events)
