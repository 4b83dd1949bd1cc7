"""CloudEvents 1.0 in structured mode: bytes to `Event`, `Outgoing` to bytes."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from types import NoneType
from typing import Any, get_type_hints
from zoneinfo import ZoneInfo

import msgspec

from shared.events import diagnosis, fields, validation
from shared.events.errors import EventError, FieldError
from shared.events.ids import content_hash, event_key
from shared.events.types import INPUTS, TYPES, Data, Instant
from shared.units.calendar import CITY

__all__ = ["Event", "EventError", "FieldError", "Origin", "Outgoing", "decode", "encode"]

STRUCTURED = "application/cloudevents+json; charset=UTF-8"


class Origin(msgspec.Struct, frozen=True):
    """Where in Kafka an event was read, and when it was sent (Unix time)."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int = 0


class Event(msgspec.Struct, frozen=True):
    """A decoded event. `key` is who it is, `content` what it says, `raw` the JSON it came as."""

    type: str
    source: str
    id: str
    subject: str
    time: datetime | None
    data: Data
    key: bytes
    content: bytes
    raw: bytes
    origin: Origin | None = None

    def target(self) -> bytes | None:
        """The key of the event that this one replaces or reverses."""
        named = self.data.named()
        return event_key(self.source, named) if named else None


class Outgoing(msgspec.Struct, frozen=True):
    """An event to be sent; its topic follows from its type."""

    type: str
    subject: str
    id: str
    source: str
    time: datetime
    data: Data

    @property
    def topic(self) -> str:
        return TYPES[self.type][0]


class Envelope(msgspec.Struct, frozen=True):
    """The attributes that we read. Others (extensions) stay in the raw bytes."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    data: msgspec.Raw
    time: Instant | None = None
    datacontenttype: str | None = None
    data_base64: Any = None


_envelopes = msgspec.json.Decoder(Envelope)
_data = {name: msgspec.json.Decoder(data_type) for name, (_, data_type) in TYPES.items()}
_encode = msgspec.json.encode
_FLAT = {str, int, bool, NoneType, Decimal, datetime}


class _Written(msgspec.Struct):
    """What we write, in this order."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    datacontenttype: str
    data: object


def decode(
    raw: bytes,
    *,
    strict: bool,
    now: datetime | None = None,
    zone: ZoneInfo = CITY,
    origin: Origin | None = None,
) -> Event:
    """Read one event of structured-mode JSON; raises EventError.

    Strict is for the door: input types only, unknown data fields refused, bounds and meaning
    checked; with `now` also that nothing is ahead of its time;
    days are those of `zone`. Not strict is for consumers:
    output types too, unknown fields ignored.
    """
    if strict:
        validation.check_bytes(raw)
    try:
        envelope = _envelopes.decode(raw)
    except (ValueError, RecursionError) as error:
        raise diagnosis.of_envelope(raw, Envelope, error) from None
    if strict:
        validation.check_envelope(envelope)
    decoder = _data.get(envelope.type)
    if decoder is None or (strict and envelope.type not in INPUTS):
        raise diagnosis.unknown_type(INPUTS if strict else TYPES)
    try:
        data = decoder.decode(envelope.data)
    except (ValueError, RecursionError) as error:
        raise diagnosis.of_data(envelope.data, TYPES[envelope.type][1], strict, error) from None
    if strict:
        validation.check_data(raw, envelope, data, now, zone)
    return Event(
        envelope.type,
        envelope.source,
        envelope.id,
        envelope.subject,
        envelope.time,
        data,
        event_key(envelope.source, envelope.id),
        content_hash(envelope.type, envelope.subject, envelope.time, data),
        raw,
        origin,
    )


def encode(outgoing: Outgoing) -> bytes:
    """Structured-mode JSON: decimals as plain strings, times in UTC, absent fields left out."""
    return _encode(
        _Written(
            "1.0",
            outgoing.id,
            outgoing.source,
            outgoing.type,
            outgoing.subject,
            outgoing.time.astimezone(UTC),
            "application/json",
            _plain_data(outgoing.data),
        )
    )


def _plain_data(data: Data) -> object:
    """The data in a form that msgspec writes as we promise."""
    delicate = _delicate(data.__class__)
    if delicate is None:
        return _plain_struct(data)
    changes: dict[str, object] = {}
    for name in delicate:
        value = getattr(data, name)
        if value.__class__ is Decimal:
            if "E" in str(value):
                changes[name] = format(value, "f")
        elif value is not None and value.tzinfo is not UTC:
            changes[name] = value.astimezone(UTC)
    return msgspec.structs.replace(data, **changes) if changes else data


@cache
def _delicate(data_type: type[Data]) -> list[str] | None:
    """The decimals and times of a type; None when it has parts that may hold some."""
    kinds = {name: fields.kinds(hint) for name, hint in get_type_hints(data_type).items()}
    if not all(found <= _FLAT for found in kinds.values()):
        return None
    return [name for name, found in kinds.items() if found & {Decimal, datetime}]


def _plain(value: object) -> object:
    plain = _PLAIN.get(value.__class__)
    if plain is not None:
        return plain(value)
    return _plain_struct(value) if isinstance(value, msgspec.Struct) else value


def _plain_struct(value: msgspec.Struct) -> dict[str, object]:
    names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
    members = ((name, getattr(value, attribute)) for name, attribute in names)
    return {name: _plain(member) for name, member in members if member is not None}


_PLAIN: dict[type, Callable[[Any], object]] = {
    Decimal: lambda value: format(value, "f"),
    datetime: lambda value: value.astimezone(UTC),
    dict: lambda value: {name: _plain(part) for name, part in value.items()},
    list: lambda value: [_plain(part) for part in value],
}
