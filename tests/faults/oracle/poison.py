"""Why a record that passed no door is a dead letter, by the first thing that is wrong with it."""

import json
from typing import Any

# Only this one can be read as an event, so that its dead letter has its name.
UNTIMED = "time_missing"
_ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "data")


def reason(topic: str, raw: bytes, topics: dict[str, str]) -> str:
    """The word of the dead letter; `topics` by type. AssertionError when nothing is wrong."""
    try:
        found: Any = json.loads(raw.decode())
    except ValueError:
        return "not-json"
    if any(name not in found for name in _ATTRIBUTES):
        return "missing-field"
    if found["type"] not in topics:
        return "unknown-type"
    data = found["data"]
    if not isinstance(data["amount"], str):
        return "wrong-type"
    if not data["amount"].replace(".", "", 1).isdigit():
        return "wrong-format"
    if data["kind"] == "alchemy":
        return "unknown-word"
    if topics[found["type"]] != topic:
        return "wrong-topic"
    assert "time" not in found, f"nothing is wrong with {raw!r}"
    return UNTIMED
