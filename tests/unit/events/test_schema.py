"""The generated documents are those of the types, and they are valid."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import yaml

from shared.events import meaning
from shared.events.envelope import Outgoing, decode, encode
from shared.events.schema import event_schema, event_types, files
from shared.events.types import INPUTS, TYPES, FarmRecord
from shared.events.words import PaymentKind

ROOT = Path(__file__).resolve().parents[3]
ASYNCAPI = ROOT.parent / "shared/data/schemas/asyncapi/3.0.0.json"
Sample = Callable[..., dict[str, Any]]


def test_committed_files_are_fresh() -> None:
    written = {
        path.relative_to(ROOT / "docs").as_posix(): path.read_text(encoding="utf-8")
        for path in [ROOT / "docs/asyncapi.yaml", *(ROOT / "docs/schemas").glob("*.json")]
    }
    assert written == files(), "run: python -m shared.events.schema"


def test_input_types_are_listed_with_what_a_sender_needs() -> None:
    listed = {entry["type"]: entry for entry in event_types()}
    assert list(listed) == list(INPUTS)
    payment = listed["cn.tanzhang.payment.v1"]
    assert payment["topic"] == "payments"
    assert "<bank>:<token>" in payment["subject"]
    assert all(entry["description"] for entry in listed.values())


def test_closed_lists_and_decimals_are_in_the_schema() -> None:
    payment = event_schema("cn.tanzhang.payment.v1")["$defs"]["Payment"]
    assert set(payment["properties"]["kind"]["enum"]) == set(get_args(PaymentKind))
    assert [part["type"] for part in payment["properties"]["amount"]["anyOf"]] == [
        "string",
        "number",
    ]
    assert payment["additionalProperties"] is False
    reading = event_schema("cn.tanzhang.meter.reading.v1")["$defs"]["MeterReading"]
    assert "1e4Nm3" in reading["properties"]["unit"]["enum"]
    reduction = event_schema("cn.tanzhang.personal.reduction.v1")["$defs"]["PersonalReduction"]
    assert reduction["properties"]["reduction_g"]["type"] == "string"


def test_pathways_name_fields_that_exist() -> None:
    fields = set(FarmRecord.__struct_encode_fields__)
    for needed, allowed in meaning.PATHWAYS.values():
        assert fields >= {*needed, *allowed}
    assert fields >= set(meaning.RANGES) - {"purity"}


def test_the_schemas_take_what_the_door_takes(sample: Sample, aliases: list[str]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    for type in TYPES:
        jsonschema.Draft202012Validator.check_schema(event_schema(type))
    for alias in aliases:
        event = sample(alias)
        validator = jsonschema.Draft202012Validator(event_schema(event["type"]))
        assert list(validator.iter_errors(event)) == []
        assert list(validator.iter_errors(sample(alias, data={"colour": "red"})))


def test_every_message_has_an_example_that_is_taken_or_told_so() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    messages = yaml.safe_load(files()["asyncapi.yaml"])["components"]["messages"]
    for type in TYPES:
        [shown] = [example["payload"] for example in messages[type]["examples"]]
        assert list(jsonschema.Draft202012Validator(event_schema(type)).iter_errors(shown)) == []
        event = decode(msgspec.json.encode(shown), strict=type in INPUTS)
        assert event.type == type
        if type not in INPUTS:
            assert event.time is not None
            told = Outgoing(type, event.subject, event.id, event.source, event.time, event.data)
            assert msgspec.json.decode(encode(told)) == shown


def test_the_asyncapi_document_is_valid() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    if not ASYNCAPI.exists():
        pytest.skip("the AsyncAPI 3.0 schema is not beside the project")
    schema = msgspec.json.decode(ASYNCAPI.read_bytes())
    document = yaml.safe_load(files()["asyncapi.yaml"])
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [error.json_path for error in validator.iter_errors(document)] == []
    assert set(document["components"]["messages"]) == set(TYPES)


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = yaml.safe_load(files()["asyncapi.yaml"])
    found = list(_references(document))
    assert len(found) > len(TYPES)
    for reference in found:
        place: Any = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


def _references(value: Any) -> Any:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _references(part)
