"""The CloudEvents Kafka binding: we write structured mode and read both."""

from collections.abc import Sequence

from shared.events.envelope import STRUCTURED
from shared.events.errors import EventError, pointer, refuse
from shared.events.modes import JSON, structured

Headers = Sequence[tuple[str, bytes]]

_CONTENT_TYPE = "content-type"
HEADERS = [(_CONTENT_TYPE, STRUCTURED.encode())]
_OURS = tuple(HEADERS)  # as a consumer gives what our own producers write
_PREFIX = "ce_"


def from_record(value: bytes | None, headers: Headers) -> bytes:
    """The structured JSON of a record; EventError when it has no event.

    A record without attributes in its headers is taken to be structured, whatever wrote it:
    decoding will tell.
    """
    if value is None:
        raise EventError("missing-field", "the record has no value")
    if headers == _OURS:
        return value
    named = {name.lower(): text for name, text in headers}
    content_type = named.get(_CONTENT_TYPE, b"").strip()
    if (
        content_type.lower().startswith(b"application/cloudevents")
        or f"{_PREFIX}specversion" not in named
    ):
        return value
    return structured(_attributes(named), _text(_CONTENT_TYPE, content_type) or JSON, value)


def _attributes(headers: dict[str, bytes]) -> dict[str, str]:
    return {
        name.removeprefix(_PREFIX): _text(name.removeprefix(_PREFIX), value)
        for name, value in headers.items()
        if name.startswith(_PREFIX)
    }


def _text(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise refuse("wrong-format", pointer(name), "must be UTF-8") from None
