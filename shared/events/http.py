"""The CloudEvents HTTP binding: structured, binary and batched requests to structured events."""

import json
import re
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
from shared.events.validation import MAX_EVENT_BYTES

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
_lenient = json.JSONDecoder(parse_float=str, parse_int=str)
_SPACE = re.compile(r"[ \t\r\n]*")


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
        if parts := _parted(body):
            return parts
        raise not_json(error) from None
    events = msgspec.structs.astuple(batch)
    return [bytes(event) for event in takewhile(_is_given, events)]


def _parted(body: bytes) -> list[bytes]:
    """The events of an array that only some call JSON: it has NaN, or half a surrogate pair.

    One event must not take a thousand with it. Empty when nobody calls it JSON.
    """
    text, found = body.decode(errors="surrogateescape"), []
    place, expected = _after_space(text, 0), "["
    while text[place : place + 1] == expected:
        begin = _after_space(text, place + 1)
        try:
            # No more than an event may have: what is read here becomes Python's own objects.
            _, size = _lenient.raw_decode(text[begin : begin + MAX_EVENT_BYTES])
        except (ValueError, RecursionError):
            return []
        end = begin + size
        found.append(text[begin:end].encode(errors="surrogateescape"))
        if len(found) > MAX_BATCH:
            raise EventError("too-many", f"a batch has at most {MAX_BATCH} events")
        place, expected = _after_space(text, end), ","
    is_whole = text[place : place + 1] == "]" and _after_space(text, place + 1) == len(text)
    return found if is_whole else []


def _after_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


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
