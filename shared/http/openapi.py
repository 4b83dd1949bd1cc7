"""The OpenAPI document, with the problems that every operation may answer."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from shared.http.problems import MEDIA_TYPE

_PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details",
    "required": ["type", "title", "status", "detail", "errors"],
    "properties": {
        "type": {"type": "string", "description": "urn:tanzhang:problem:<name>"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


def describe(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document, its error form replaced by ours; made once per application."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes)
        for operation in _operations(document):
            _document_problems(operation)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        schemas["Problem"] = _PROBLEM
        app.openapi_schema = document
    return app.openapi_schema


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [op for path in document["paths"].values() for op in path.values()]


def _document_problems(operation: dict[str, Any]) -> None:
    responses: dict[str, Any] = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422")):
        responses.pop("422")
    statuses = {"default": "Any other error"}
    if operation.get("security"):
        statuses |= {"401": "No good token", "403": "The token does not allow this"}
    if operation.get("parameters") or "requestBody" in operation:
        statuses |= {"422": "A field or parameter is wrong"}
    schema = {"$ref": "#/components/schemas/Problem"}
    for status, description in statuses.items():
        answer = {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}
        responses.setdefault(status, answer)
