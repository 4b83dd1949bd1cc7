"""The official CloudEvents conformance features, read from where they lie beside the project."""

import json
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest
from pytest_bdd import given, scenarios, then, when

from shared.events import http, kafka
from shared.events.errors import EventError

FEATURES = Path(__file__).parents[4] / "shared/data/cloudevents"
if not FEATURES.is_dir():
    pytest.skip(f"the conformance features are not in {FEATURES}", allow_module_level=True)

scenarios(str(FEATURES / "http-protocol-binding.feature"))
scenarios(str(FEATURES / "kafka-protocol-binding.feature"))


@given("HTTP Protocol Binding is supported")
@given("Kafka Protocol Binding is supported")
def supported() -> None:
    """It is: this is what the scenarios show."""


@given("an HTTP request", target_fixture="request_text")
def http_request(docstring: str) -> str:
    return docstring


@when("parsed as HTTP request", target_fixture="event")
def parsed_http(request_text: str) -> dict[str, Any]:
    head, _, body = request_text.partition("\n\n")
    headers = dict(Parser().parsestr(head.partition("\n")[2]).items())
    [found] = http.parse(headers["Content-Type"], headers, body.encode())
    assert not isinstance(found, EventError), found
    event: dict[str, Any] = json.loads(found)
    return event


@given("a Kafka message with payload:", target_fixture="payload")
def kafka_payload(docstring: str) -> str:
    return docstring


@given("Kafka headers:", target_fixture="kafka_headers")
def headers_of(datatable: list[list[str]]) -> list[tuple[str, bytes]]:
    return [(key, value.encode()) for key, value in datatable[1:]]


@when("parsed as Kafka message", target_fixture="event")
def parsed_kafka(payload: str, kafka_headers: list[tuple[str, bytes]]) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(kafka.from_record(payload.encode(), kafka_headers))
    return event


@then("the attributes are:")
def attributes_are(event: dict[str, Any], datatable: list[list[str]]) -> None:
    assert {name: text for name, text in event.items() if name != "data"} == dict(datatable[1:])


@then("the data is equal to the following JSON:")
def data_is(event: dict[str, Any], docstring: str) -> None:
    assert event["data"] == json.loads(docstring)
