"""The documents of the services: valid, complete, and as committed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from shared.settings import SERVICES
from tanzhang.openapi import document, text

COMMITTED = Path(__file__).resolve().parents[3] / "docs/openapi"
Operation = tuple[str, dict[str, Any]]


@pytest.fixture(scope="module", params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def described(service: str) -> dict[str, Any]:
    return document(service)


def operations(described: dict[str, Any]) -> list[Operation]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, item in described["paths"].items()
        for method, operation in item.items()
    ]


def bodies(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from operation.get("requestBody", {}).get("content", {}).values()
    for answer in operation["responses"].values():
        yield from answer.get("content", {}).values()


def test_the_committed_document_is_fresh(service: str) -> None:
    written = (COMMITTED / f"{service}.json").read_text(encoding="utf-8")
    assert written == text(service), "run: make generate"


def test_the_document_is_openapi(described: dict[str, Any]) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(described).iter_errors()] == []


def test_every_operation_has_a_summary_and_a_name_of_its_own(described: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations(described)]
    assert len(set(names)) == len(names)
    for where, operation in operations(described):
        assert operation["summary"], where
        assert operation["tags"], where


def test_every_operation_says_exactly_what_it_answers(described: dict[str, Any]) -> None:
    for where, operation in operations(described):
        good = [status for status in operation["responses"] if status.startswith("2")]
        assert good, where
        assert all(status.isdigit() for status in operation["responses"]), where
        for status, answer in operation["responses"].items():
            assert status == "204" or answer["content"], (where, status)


def test_every_parameter_is_described_and_shown(described: dict[str, Any]) -> None:
    for where, operation in operations(described):
        for parameter in operation.get("parameters", ()):
            assert parameter.get("description"), (where, parameter["name"])
            if parameter["required"]:
                assert "example" in parameter, (where, parameter["name"])


def test_every_number_in_an_address_has_its_bounds(described: dict[str, Any]) -> None:
    bounds = {"minimum", "maximum", "exclusiveMaximum"}
    for where, operation in operations(described):
        for parameter in operation.get("parameters", ()):
            if parameter["schema"].get("type") == "integer":
                assert len(bounds & set(parameter["schema"])) == 2, (where, parameter["name"])


def test_every_body_has_a_schema_and_examples_that_fit(described: dict[str, Any]) -> None:
    for where, operation in operations(described):
        for body in bodies(operation):
            shown = [one["value"] for one in body.get("examples", {}).values()]
            shown += [body["example"]] if "example" in body else []
            assert shown, where
            schema = {**body["schema"], "components": described["components"]}
            fits = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
            for example in shown:
                assert [error.message for error in fits.iter_errors(example)] == [], where


def test_every_example_of_a_parameter_fits(described: dict[str, Any]) -> None:
    for where, operation in operations(described):
        for parameter in operation.get("parameters", ()):
            if "example" in parameter:
                fits = Draft202012Validator(parameter["schema"])
                assert fits.is_valid(parameter["example"]), (where, parameter["name"])
