"""The CloudEvents HTTP binding: structured, binary and batched requests to structured events."""

from collections.abc import Mapping, Sequence
from itertools import takewhile
from urllib.parse import unquote_to_bytes

import msgspec

from shared.events import said
from shared.events.diagnosis import not_json
from shared.events.errors import EventError, pointer, refuse
from shared.events.modes import (
    BATCH,
    EVENT,
    JSON,
    UnsupportedContentType,
    media_type,
    structured,
)

__all__ = ["MAX_BATCH", "UnsupportedContentType", "parse"]

MAX_BATCH = 1000

_PREFIX = "ce-"
# An array of at most MAX_BATCH: decoding stops at the first event too many, where a list would
# first be built in full (eight million elements fit in 8 MiB).
_Batch = msgspec.defstruct(
    "_Batch",
    [(f"event_{n}", msgspec.Raw | msgspec.UnsetType, msgspec.UNSET) for n in range(MAX_BATCH)],
    array_like=True,
    forbid_unknown_fields=True,
)
_batches = msgspec.json.Decoder(_Batch)


def parse(
    content_type: str | None, headers: Mapping[str, str], body: bytes
) -> list[bytes | EventError]:
    """The events of a request, each as structured JSON still to be decoded, or what is wrong.

    Raises UnsupportedContentType, and EventError (`not-json`, `too-many`) when the request as a
    whole cannot be read. An empty batch gives an empty list.
    """
    media = media_type(content_type) if content_type else None
    if media == EVENT:
        return [body]
    if media == BATCH:
        return list(_batch(body))
    binary = [(name.lower(), value) for name, value in headers.items()]
    if media not in {None, JSON} or f"{_PREFIX}specversion" not in dict(binary):
        raise UnsupportedContentType
    try:
        return [structured(_attributes(binary), content_type or JSON, body)]
    except EventError as error:
        return [error]


def _batch(body: bytes) -> list[bytes]:
    try:
        batch = _batches.decode(body)
    except msgspec.ValidationError as error:
        if "length" in str(error):
            raise EventError("too-many", f"a batch has at most {MAX_BATCH} events") from None
        raise EventError("not-json", "a batch must be a JSON array of events") from None
    except (ValueError, RecursionError) as error:
        raise not_json(error) from None
    events = msgspec.structs.astuple(batch)
    return [bytes(event) for event in takewhile(_is_given, events)]


def _is_given(event: object) -> bool:
    return event is not msgspec.UNSET


def _attributes(headers: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The attributes that headers are; as a member of an object, none is there twice."""
    found: dict[str, str] = {}
    for name, value in headers:
        if not name.startswith(_PREFIX):
            continue
        attribute = name.removeprefix(_PREFIX)
        if attribute in found:
            raise refuse("repeated-field", said.where(attribute), "is there twice")
        found[attribute] = _header_text(name, value)
    return found


def _header_text(name: str, value: str) -> str:
    """A header's value: quotes taken off, then percent-decoded to UTF-8."""
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    try:
        # Servers hand over header bytes as Latin-1.
        return unquote_to_bytes(value.encode("latin-1")).decode()
    except UnicodeError:
        where = pointer(name.removeprefix(_PREFIX))
        raise refuse("wrong-format", where, "must be percent-encoded UTF-8") from None
