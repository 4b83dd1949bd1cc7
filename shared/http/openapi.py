"""The OpenAPI document: every operation with exactly what it can answer, each with an example."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from shared.auth.principal import CITY, CITY_ONLY
from shared.http.answers import COMPONENTS, Refusal, refuse
from shared.http.examples import example
from shared.http.limits import BODY_BYTES_MAX

_PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details; some problems have further members",
    "required": ["type", "title", "status", "detail", "errors"],
    "properties": {
        "type": {
            "type": "string",
            "pattern": "^urn:tanzhang:problem:[a-z-]+$",
            "description": "What went wrong, for programs",
            "examples": ["urn:tanzhang:problem:missing-field"],
        },
        "title": {
            "type": "string",
            "description": "The same for people",
            "examples": ["Missing field"],
        },
        "status": {
            "type": "integer",
            "description": "The status of this answer",
            "examples": [422],
        },
        "detail": {
            "type": "string",
            "description": "What went wrong this time",
            "examples": ["/data/amount: is missing"],
        },
        "errors": {
            "type": "array",
            "description": "The wrong fields",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": "JSON pointer (RFC 6901)",
                        "examples": ["/data/amount"],
                    },
                    "detail": {
                        "type": "string",
                        "description": "What was expected",
                        "examples": ["is missing"],
                    },
                },
            },
        },
    },
}
_TAGS = {
    "probes": "For whoever watches processes; no token is asked for",
    "events": "The door: CloudEvents in",
    "registry": "What there is: enterprises, assets, meters, fuels as measured, farms",
    "accounts": "What an account comes to, and every entry behind it",
    "comparisons": "Where a year went, what stands out, and what could be less",
    "reviews": "Readings that are held until somebody decides",
    "region": "The whole city in sums",
    "catalogue": "The words of events, with the figures that they are computed with",
    "years": "Open and closed years, and what was computed again",
    "scenarios": "The everyday behaviours that save carbon",
    "classifications": "Which payment belongs to which scenario",
    "labels": "Colours of accounts, with the reason",
    "appeals": "Doubts about a label, and how they were decided",
    "benchmarks": "What labels are decided by, and what follows from them",
    "passports": "All about one account, for a bank",
    "rewards": "What points buy",
    "redemptions": "Points for rewards, and back",
    "consents": "What a person lets an institution see",
    "exports": "Many persons at once, each under a consent",
    "villages": "Where persons belong",
    "leagues": "Villages and banks beside each other",
    "subscriptions": "Webhooks: events posted to a url",
}
_WITH_TOKEN = (
    Refusal(401, "unauthorized", "Send an Authorization header with a bearer token"),
    Refusal(503, "unavailable", "The keys for tokens cannot be read"),
)
_WITH_SCOPE = (Refusal(403, "forbidden", "The token's subjects do not include ent:1"),)
_FOR_CITY = (Refusal(403, "forbidden", CITY_ONLY),)
_WITH_INPUT = (Refusal(422, "invalid-parameter", "/query/limit: Input should be at least 1"),)
_NO_INPUT = (Refusal(422, "invalid-parameter", "/query/limit: there are none here"),)
_WITH_BODY = (
    Refusal(400, "not-json", "The body is not JSON"),
    Refusal(408, "too-slow", "The body did not arrive within 30 s"),
    Refusal(413, "too-large", f"The body is larger than {BODY_BYTES_MAX} bytes"),
    Refusal(415, "unsupported-media-type", "Expected content-type application/json"),
    Refusal(422, "invalid-body", "/name: is missing"),
)


def describe(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document with our answers and problems; made once per application.

    Raises KeyError for a tag that is not described, ValueError when two types have one name,
    NoExample when a text has no example.
    """
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            servers=app.servers,
            license_info=app.license_info,
        )
        used = {tag: None for one in _operations(document) for tag in one.get("tags", ())}
        document["tags"] = [{"name": tag, "description": _TAGS[tag]} for tag in used]
        components = _components(document)
        for operation in _operations(document):
            city_only = _name_scopes(operation)
            _document_problems(operation, city_only)
            _show_parameters(operation)
        for content in _contents(document):
            if "examples" not in content and "example" not in content:
                content["example"] = example(content["schema"], components)
        app.openapi_schema = document
    return app.openapi_schema


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [op for path in document["paths"].values() for op in path.values()]


def _bodies(operation: dict[str, Any]) -> list[dict[str, Any]]:
    asked = [operation["requestBody"]] if "requestBody" in operation else []
    return [*asked, *operation["responses"].values()]


def _contents(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for operation in _operations(document):
        for body in _bodies(operation):
            yield from body.get("content", {}).values()


def _components(document: dict[str, Any]) -> dict[str, Any]:
    """The named types of all operations, gathered where references look for them."""
    found = {"Problem": _PROBLEM}
    for operation in _operations(document):
        for body in _bodies(operation):
            for name, node in body.pop(COMPONENTS, {}).items():
                if found.setdefault(name, node) != node:
                    raise ValueError(f"two types of one service are named {name}")
    document.setdefault("components", {})["schemas"] = dict(sorted(found.items()))
    return found


def _name_scopes(operation: dict[str, Any]) -> bool:
    """Say in words which scope an operation takes; whether it takes the city's own token."""
    asked = [scope for one in operation.get("security", ()) for scope in one.values()]
    scopes = [name for names in asked for name in names if name != CITY]
    city_only = any(CITY in names for names in asked)
    for names in asked:
        names[:] = [name for name in names if name != CITY]
    if scopes:
        rest = ", and a token of the city itself: `subjects` is `*`, no `bank`" if city_only else ""
        said = f"Takes the scope `{'`, `'.join(scopes)}`{rest}."
        operation["description"] = "\n\n".join(
            part for part in (operation.get("description"), said) if part
        )
    return city_only


def _document_problems(operation: dict[str, Any], city_only: bool) -> None:
    """What every operation of its kind can answer, beside what the route says."""
    responses: dict[str, Any] = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422")):
        responses.pop("422")
    for answer in responses.values():
        # FastAPI adds a JSON body without a schema to routes that make their answers themselves.
        content = answer.get("content", {})
        answer["content"] = {media: one for media, one in content.items() if one.get("schema")}
        if not answer["content"]:
            del answer["content"]
    refuse(responses, list(_refusals(operation, city_only)), key=str)
    operation["responses"] = dict(sorted(responses.items()))


def _show_parameters(operation: dict[str, Any]) -> None:
    """One that may be left out is not null in an address; its example is shown beside it."""
    for parameter in operation.get("parameters", ()):
        schema = parameter["schema"]
        branches = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
        if len(branches) == 1:
            del schema["anyOf"]
            schema |= branches[0]
        closed = parameter["required"] and ("enum" in schema or "format" in schema)
        if closed or "examples" in schema:
            parameter["example"] = example(schema, {}, parameter["name"])


def _refusals(operation: dict[str, Any], city_only: bool) -> Iterator[Refusal]:
    security = operation.get("security", ())
    if security:
        yield from _WITH_TOKEN
    if city_only:
        yield from _FOR_CITY
    elif any(scopes for one in security for scopes in one.values()):
        yield from _WITH_SCOPE
    if operation.get("parameters"):
        yield from _WITH_INPUT
    elif security:
        yield from _NO_INPUT
    if "requestBody" in operation:
        yield from _WITH_BODY
