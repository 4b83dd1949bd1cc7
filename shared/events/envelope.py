"""CloudEvents 1.0 in structured mode: bytes to `Event`, `Outgoing` to bytes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from shared.events import diagnosis, validation
from shared.events.errors import EventError, FieldError
from shared.events.ids import content_hash, event_key
from shared.events.types import INPUTS, TYPES, Data, Instant

__all__ = ["Event", "EventError", "FieldError", "Origin", "Outgoing", "decode", "encode"]

STRUCTURED = "application/cloudevents+json; charset=UTF-8"


@dataclass(slots=True, frozen=True)
class Origin:
    """Where in Kafka an event was read."""

    topic: str
    partition: int
    offset: int


@dataclass(slots=True, frozen=True)
class Event:
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
    accepted_at: datetime | None = None
    origin: Origin | None = None

    def target(self) -> bytes | None:
        """The key of the event that this one replaces or reverses."""
        named = getattr(self.data, "replaces", None) or getattr(self.data, "reverses", None)
        return event_key(self.source, named) if named else None


@dataclass(slots=True, frozen=True)
class Outgoing:
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


def decode(
    raw: bytes,
    *,
    strict: bool,
    now: datetime | None = None,
    accepted_at: datetime | None = None,
    origin: Origin | None = None,
) -> Event:
    """Read one event of structured-mode JSON; raises EventError.

    Strict is for the door: input types only, unknown data fields refused, bounds and meaning
    checked; with `now` also that a payment is not ahead of its time. Not strict is for consumers:
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
        validation.check_data(envelope, data, now)
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
        accepted_at,
        origin,
    )


def encode(outgoing: Outgoing) -> bytes:
    """Structured-mode JSON: decimals as plain strings, times in UTC, absent fields left out."""
    return _encode(
        {
            "specversion": "1.0",
            "id": outgoing.id,
            "source": outgoing.source,
            "type": outgoing.type,
            "subject": outgoing.subject,
            "time": outgoing.time.astimezone(UTC),
            "datacontenttype": "application/json",
            "data": _plain(outgoing.data),
        }
    )


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
