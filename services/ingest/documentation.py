"""How `POST /v1/events` appears in the OpenAPI document: FastAPI sees only a raw request."""

import json
from typing import Any

from services.ingest.handler import Rejected
from shared.events.examples import EXAMPLES
from shared.events.http import MAX_BATCH
from shared.events.modes import BATCH, EVENT, JSON
from shared.events.schema import event_schema
from shared.events.types import INPUTS
from shared.http.answers import COMPONENTS, REFERENCE, Answer, Refusal, answers

PAYMENT = EXAMPLES["cn.tanzhang.payment.v1"]
READING = EXAMPLES["cn.tanzhang.meter.reading.v1"]
_HEADERS = {
    "specversion": "Of binary mode: always 1.0",
    "id": "Of binary mode: with the source it makes the event one of its kind",
    "source": "Of binary mode: who tells the event, a URI",
    "type": "Of binary mode: one of GET /v1/event-types",
    "subject": "Of binary mode: the account",
    "time": "Of binary mode: when it happened, with its offset",
}


class Received(Answer, frozen=True, kw_only=True):
    """How many events Kafka has acknowledged, and those that were not taken."""

    accepted: int
    rejected: list[Rejected]


def _event_schemas() -> dict[str, Any]:
    """Every input type's schema under a name, its parts beside it."""
    found: dict[str, Any] = {}
    for type, (_, data) in INPUTS.items():
        schema = json.loads(
            json.dumps(event_schema(type)).replace("#/$defs/", REFERENCE.format(name=""))
        )
        found |= schema.pop("$defs")
        del schema["$schema"], schema["$id"]
        found[f"{data.__name__}Event"] = schema
    return found


def _request_body() -> dict[str, Any]:
    references = {
        type: REFERENCE.format(name=f"{data.__name__}Event") for type, (_, data) in INPUTS.items()
    }
    event = {
        "oneOf": [{"$ref": reference} for reference in references.values()],
        "discriminator": {"propertyName": "type", "mapping": references},
    }
    data = {
        "type": "object",
        "description": "Binary mode: the event's data, its attributes in the headers ce-...",
    }
    batch = {"type": "array", "maxItems": MAX_BATCH, "items": event}
    content = {
        EVENT: {"schema": event, "example": PAYMENT},
        BATCH: {"schema": batch, "example": [READING, PAYMENT]},
        JSON: {"schema": data, "example": PAYMENT["data"]},
    }
    return {"required": True, "content": content, COMPONENTS: _event_schemas()}


def _parameters() -> list[dict[str, Any]]:
    return [
        {
            "name": f"ce-{name}",
            "in": "header",
            "required": False,
            "description": description,
            "schema": {"type": "string", "examples": [PAYMENT[name]]},
        }
        for name, description in _HEADERS.items()
    ]


_NONE_TAKEN = {
    "accepted": 0,
    "rejected": [
        {
            "index": 0,
            "id": "core-2020-01-01-4711",
            "problem": Refusal(422, "missing-field", "/data/amount: is missing").document(),
        }
    ],
}
POST_EVENTS: dict[str, Any] = {
    "status_code": 202,
    "openapi_extra": {"requestBody": _request_body(), "parameters": _parameters()},
    "responses": answers(
        Received,
        202,
        Refusal(403, "forbidden", "The token has no scope events:write:<topic>"),
        Refusal(408, "too-slow", "The body did not arrive within 30 s"),
        Refusal(413, "too-large", f"A batch has at most {MAX_BATCH} events"),
        Refusal(422, "missing-field", "/data/amount: is missing", _NONE_TAKEN, Received),
        Refusal(503, "unavailable", "Kafka has not acknowledged in 30 s; sending again is safe"),
        Refusal(429, "too-many-requests", "More than 1000 events per second"),
    ),
}
