"""The AsyncAPI 3.0 document: topics as channels, their messages, what is sent and received."""

from collections.abc import Mapping
from typing import Any

from shared.events.envelope import STRUCTURED
from shared.events.examples import EXAMPLES
from shared.events.types import INPUTS, TOPICS, TYPES

_INFO = {
    "title": "tanzhang",
    "version": "1.0.0",
    "description": (
        "Carbon accounts of a city. Events are CloudEvents 1.0 in structured mode, keyed by"
        " subject. Topic names may have a prefix (TANZHANG_TOPIC_PREFIX). Amounts are exact"
        " decimals: strings or numbers in, strings out."
    ),
}
_HEADERS = {
    "type": "object",
    "properties": {"content-type": {"type": "string", "const": STRUCTURED}},
    "required": ["content-type"],
}


def document(schemas: Mapping[str, dict[str, Any]], subjects: Mapping[str, str]) -> dict[str, Any]:
    """The document for the given JSON Schemas and subject forms, both by event type."""
    return {
        "asyncapi": "3.0.0",
        "info": _INFO,
        "defaultContentType": "application/cloudevents+json",
        "channels": {topic: _channel(topic) for topic in TOPICS},
        "operations": {f"{_action(topic)}-{topic}": _operation(topic) for topic in TOPICS},
        "components": {
            "messages": {type: _message(type, subjects[type]) for type in TYPES},
            "schemas": {type: _payload(type, schemas[type]) for type in TYPES},
        },
    }


def _types_of(topic: str) -> list[str]:
    return [type for type, (channel, _) in TYPES.items() if channel == topic]


def _channel(topic: str) -> dict[str, Any]:
    return {
        "address": topic,
        "messages": {type: {"$ref": f"#/components/messages/{type}"} for type in _types_of(topic)},
    }


def _action(topic: str) -> str:
    return "receive" if any(topic == channel for channel, _ in INPUTS.values()) else "send"


def _operation(topic: str) -> dict[str, Any]:
    references = [{"$ref": f"#/channels/{topic}/messages/{type}"} for type in _types_of(topic)]
    return {
        "action": _action(topic),
        "channel": {"$ref": f"#/channels/{topic}"},
        "messages": references,
    }


def _message(type: str, subject: str) -> dict[str, Any]:
    key = {"type": "string", "description": f"The subject: {subject}"}
    return {
        "name": type,
        "contentType": STRUCTURED,
        "headers": _HEADERS,
        "payload": {"$ref": f"#/components/schemas/{type}"},
        "bindings": {"kafka": {"key": key, "bindingVersion": "0.5.0"}},
        "examples": [{"payload": EXAMPLES[type]}],
    }


def _payload(type: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with its definitions found from the document's root."""
    place = f"#/components/schemas/{type}/$defs/"
    moved: dict[str, Any] = _moved(schema, place)
    return {name: part for name, part in moved.items() if name not in {"$schema", "$id"}}


def _moved(schema: Any, place: str) -> Any:
    if isinstance(schema, list):
        return [_moved(part, place) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: part.replace("#/$defs/", place) if name == "$ref" else _moved(part, place)
        for name, part in schema.items()
    }
