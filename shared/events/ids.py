"""Who an event is (its key), what it says (its content), and the ids of what we emit."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from functools import cache
from hashlib import blake2b, sha1
from types import NoneType
from typing import Any, get_type_hints

import msgspec

from shared.events.fields import kinds, values_reader
from shared.events.types import Data, Day
from shared.units.calendar import parse_date

_NAMESPACE = bytes.fromhex("0f7a8726981c5cf384430b1e2f189fb0")
_SEPARATOR = "\x1f"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# As wide as decimals get: normalising must drop trailing zeros and never round.
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
_encode = msgspec.json.Encoder(order="sorted").encode
# Copying a hash costs half of making one.
_new_key = blake2b(digest_size=16).copy
_new_content = blake2b(digest_size=8).copy


def event_key(source: str, id: str) -> bytes:
    """The identity of an event, 16 bytes."""
    key = _new_key()
    key.update(f"{source}{_SEPARATOR}{id}".encode())
    return key.digest()


def content_hash(type: str, subject: str, time: datetime | None, data: Data) -> bytes:
    """What an event says, 8 bytes: equal for equal type, subject, instant and typed data.

    Spelling doesn't count (1.50 is 1.5, a midnight timestamp is its date, null is absent).
    A field that is absent leaves no trace, so that a type may grow optional fields.
    """
    content: list[object] = [type, subject, None if time is None else _micros(time)]
    names, canonicals, values_of = _fields(data.__class__)
    for name, canonical, value in zip(names, canonicals, values_of(data), strict=True):
        if value is not None:
            content += (name, value if canonical is None else canonical(value))
    said = _new_content()
    said.update(_encode(content))
    return said.digest()


def derived_id(*parts: str) -> str:
    """A uuid5 of the parts, the same on every machine and at every replay."""
    digest = bytearray(sha1(_NAMESPACE + _SEPARATOR.join(parts).encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50  # version 5
    digest[8] = digest[8] & 0x3F | 0x80  # of RFC 9562
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def state_id(topic: str, subject: str, year: int, epoch: int, sequence: int) -> str:
    """The id of a state event of one account and year."""
    return derived_id(topic, subject, str(year), str(epoch), str(sequence))


def caused_id(type: str, cause_key: bytes, n: int = 0) -> str:
    """The id of the n-th event of `type` that one cause gives rise to."""
    return derived_id(type, cause_key.hex(), str(n))


@cache
def _fields(
    data_type: type[Data],
) -> tuple[list[str], list[Callable[[Any], object] | None], Callable[[Data], tuple[Any, ...]]]:
    """Names on the wire, what makes each value canonical, and what reads all, in a fixed order."""
    hints = get_type_hints(data_type, include_extras=True)
    fields = sorted(msgspec.structs.fields(data_type), key=lambda field: field.name)
    return (
        [field.encode_name for field in fields],
        [_canonical_of(hints[field.name]) for field in fields],
        values_reader([field.name for field in fields]),
    )


def _canonical_of(hint: object) -> Callable[[Any], object] | None:
    if hint is Day:
        return _date
    return None if kinds(hint) <= {str, int, bool, NoneType} else _by_class


def _micros(time: datetime) -> int:
    # Subtraction, unlike conversion to UTC, works at both ends of the calendar.
    return (time - _EPOCH) // _MICROSECOND


def normalised(value: Decimal) -> Decimal:
    """The value without trailing zeros, never rounded."""
    return _EXACT.normalize(value)


def _decimal(value: Decimal) -> str:
    return str(_EXACT.normalize(value)) if value else "0"


def _date(text: str) -> str:
    if len(text) == len("2020-01-31"):
        return text
    try:
        return parse_date(text).isoformat()
    except (ValueError, OverflowError):
        return text


def _dict(value: dict[str, Any]) -> dict[str, Any]:
    return {name: _canonical(part) for name, part in value.items()}


def _list(value: list[Any]) -> list[Any]:
    return [_canonical(part) for part in value]


def _canonical(value: object) -> object:
    if isinstance(value, msgspec.Struct):
        return _dict(msgspec.structs.asdict(value))
    return _by_class(value)


def _by_class(value: object) -> object:
    canonical = _CANONICAL.get(value.__class__)
    return value if canonical is None else canonical(value)


_CANONICAL: dict[type, Callable[[Any], object]] = {
    Decimal: _decimal,
    datetime: _micros,
    dict: _dict,
    list: _list,
}
