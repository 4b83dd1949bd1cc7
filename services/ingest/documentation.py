"""How `POST /v1/events` appears in the OpenAPI document: FastAPI sees only a raw request."""

from typing import Any

from shared.events.http import MAX_BATCH
from shared.events.modes import BATCH, EVENT, JSON
from shared.events.types import INPUTS
from shared.http.problems import MEDIA_TYPE

_EVENT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "A CloudEvent; GET /v1/event-types/{type}/schema has the whole schema",
    "required": ["specversion", "id", "source", "type", "subject", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1, "maxLength": 128},
        "source": {"type": "string", "minLength": 1, "maxLength": 256},
        "type": {"enum": list(INPUTS)},
        "subject": {"type": "string", "minLength": 1, "maxLength": 128},
        "time": {"type": "string", "format": "date-time"},
        "data": {"type": "object"},
    },
}
_REJECTED = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["index", "id", "problem"],
        "properties": {
            "index": {"type": "integer", "description": "place in the batch, from 0"},
            "id": {"type": ["string", "null"]},
            "problem": {"$ref": "#/components/schemas/Problem"},
        },
    },
}
_ACCEPTED = {
    "type": "object",
    "required": ["accepted", "rejected"],
    "properties": {"accepted": {"type": "integer"}, "rejected": _REJECTED},
}
_NONE = {"allOf": [{"$ref": "#/components/schemas/Problem"}, _ACCEPTED]}
_REASONS = {
    400: "Not JSON",
    408: "The body came too slowly",
    413: f"More than 8 MiB or {MAX_BATCH} events",
    415: "Neither a CloudEvent in JSON nor a batch",
    429: "Past the client's rate: see Retry-After",
    503: "Kafka is away or too much is in flight: send again after Retry-After",
}


def _problem(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


def _request_body() -> dict[str, Any]:
    batch = {"type": "array", "maxItems": MAX_BATCH, "items": _EVENT_SCHEMA}
    data = {"type": "object", "description": "binary mode: the data, with ce- headers"}
    schemas = {EVENT: _EVENT_SCHEMA, BATCH: batch, JSON: data}
    return {"required": True, "content": {m: {"schema": s} for m, s in schemas.items()}}


POST_EVENTS: dict[str, Any] = {
    "openapi_extra": {"requestBody": _request_body()},
    "responses": {
        202: {
            "description": "Kafka has acknowledged the accepted events",
            "content": {JSON: {"schema": _ACCEPTED}},
        },
        403: _problem("The token allows none of the events", _NONE),
        422: _problem("No event is valid", _NONE),
        **{s: _problem(d, {"$ref": "#/components/schemas/Problem"}) for s, d in _REASONS.items()},
    },
}
