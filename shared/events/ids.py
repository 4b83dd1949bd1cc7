"""Who an event is (its key), what it says (its content), and the ids of what we emit."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from functools import cache
from hashlib import blake2b, sha1
from types import NoneType
from typing import Any, get_type_hints

import msgspec
from msgspec import structs

from shared.events.fields import kinds
from shared.events.types import Data, Day, State
from shared.units.calendar import parse_date

_NAMESPACE = bytes.fromhex("0f7a8726981c5cf384430b1e2f189fb0")
_SEPARATOR = "\x1f"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ZERO = Decimal(0)
_NOWHERE: dict[str, object] = {"epoch": 0, "sequence": 0}
# As wide as decimals get: normalising must drop trailing zeros and never round.
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
_encode = msgspec.json.Encoder(order="deterministic").encode
# Copying a hash costs half of making one.
_new_key = blake2b(digest_size=16).copy
_new_content = blake2b(digest_size=8).copy
_new_id = sha1(_NAMESPACE).copy
# The digit of a uuid that says which RFC it follows (9562), by the digit of the hash.
_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}


def event_key(source: str, id: str) -> bytes:
    """The identity of an event, 16 bytes."""
    key = _new_key()
    key.update(f"{source}{_SEPARATOR}{id}".encode())
    return key.digest()


def content_hash(type: str, subject: str, time: datetime | None, data: Data) -> bytes:
    """What an event says, 8 bytes: equal for equal type, subject, instant and typed data.

    Spelling doesn't count (1.50 is 1.5, a midnight timestamp is its date, null is absent).
    A field that is absent leaves no trace, so that a type may grow optional fields. Nor do the
    `epoch` and `sequence` of a state: where an event stands in the stream is not what it says.
    """
    said = _new_content()
    said.update(_encode((type, subject, time and _instant(time), _spelled_once(data))))
    return said.digest()


def derived_id(*parts: str) -> str:
    """A uuid5 of the parts, the same on every machine and at every replay."""
    id = _new_id()
    id.update(_SEPARATOR.join(parts).encode())
    text = id.hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


def state_id(topic: str, subject: str, year: int, epoch: int, sequence: int) -> str:
    """The id of a state event of one account and year."""
    return derived_id(topic, subject, str(year), str(epoch), str(sequence))


def _spelled_once(data: Data) -> Data:
    """The data with one spelling for each value."""
    changes: dict[str, object] = _NOWHERE.copy() if isinstance(data, State) else {}
    for name, canonical in _ambiguous(data.__class__):
        value = getattr(data, name)
        if value is not None and (one := canonical(value)) is not value:
            changes[name] = one
    return structs.replace(data, **changes) if changes else data


@cache
def _ambiguous(data_type: type[Data]) -> list[tuple[str, Callable[[Any], object]]]:
    """The fields whose values can be spelled in several ways, and what makes them one."""
    hints = get_type_hints(data_type, include_extras=True)
    made = ((field.name, _canonical_of(hints[field.name])) for field in structs.fields(data_type))
    return [(name, canonical) for name, canonical in made if canonical is not None]


def _canonical_of(hint: object) -> Callable[[Any], object] | None:
    if hint is Day:
        return _date
    return None if kinds(hint) <= {str, int, bool, NoneType} else _canonical


def _instant(time: datetime) -> datetime | int:
    if time.tzinfo is UTC:
        return time
    try:
        return time.astimezone(UTC)
    except OverflowError:  # at both ends of the calendar
        return (time - _EPOCH) // _MICROSECOND


def normalised(value: Decimal) -> Decimal:
    """The value without trailing zeros, never rounded."""
    return _EXACT.normalize(value)


def _decimal(value: Decimal) -> Decimal:
    if not value:
        return _ZERO
    one = _EXACT.normalize(value)
    return value if one.same_quantum(value) else one


def _date(text: str) -> str:
    if len(text) == len("2020-01-31"):
        return text
    try:
        return parse_date(text).isoformat()
    except (ValueError, OverflowError):
        return text


def _canonical(value: object) -> object:
    canonical = _CANONICAL.get(value.__class__)
    if canonical is not None:
        return canonical(value)
    return _part(structs.asdict(value)) if isinstance(value, msgspec.Struct) else value


def _part(fields: dict[str, object]) -> object:
    """Of a part of the data too, what is absent leaves no trace."""
    return _dict({name: value for name, value in fields.items() if value is not None})


def _dict(value: dict[str, Any]) -> dict[str, Any]:
    return {name: _canonical(part) for name, part in value.items()}


def _list(value: list[Any]) -> list[Any]:
    return [_canonical(part) for part in value]


_CANONICAL: dict[type, Callable[[Any], object]] = {
    Decimal: _decimal,
    datetime: _instant,
    dict: _dict,
    list: _list,
}
