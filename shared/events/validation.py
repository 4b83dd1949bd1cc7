"""What the door checks beyond types: bounds, spelling, identifiers, and the meaning of `data`."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, get_type_hints

import msgspec

from shared.events import diagnosis, meaning
from shared.events.errors import EventError, pointer, refuse
from shared.events.identifiers import (
    ENTERPRISE_FORM,
    FARM_FORM,
    PERSONAL_FORM,
    is_enterprise,
    is_farm,
    is_personal_account,
    personal_identifier,
)
from shared.events.ids import normalised
from shared.events.types import Data, Day, Payment

if TYPE_CHECKING:
    from shared.events.envelope import Envelope

MAX_EVENT_BYTES = 65536
LIMITS = {"id": 128, "source": 256, "subject": 128, "type": 128}
TEXT_LIMIT = 128
TEXT_LIMITS = {"evidence": 512, "unit": 32, "currency": 3}
MAX_DIGITS = 15
MAX_PLACES = 12

# U+0000 cannot be stored by PostgreSQL; the others split log lines and keys.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DECIMAL_TEXT = re.compile(rb'"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"')
_JSON_TYPE = re.compile(r'application/json\s*(?:;\s*charset="?utf-8"?\s*)?', re.IGNORECASE)
_IDENTIFIERS = frozenset(
    ["meter_id", "parcel_id", "asset_id", "channel_ref", "replaces", "reverses", "evidence"]
)
_SUBJECTS = {
    "cn.tanzhang.farm.record.v1": (is_farm, FARM_FORM),
    "cn.tanzhang.payment.v1": (is_personal_account, PERSONAL_FORM),
}


def check_bytes(raw: bytes) -> None:
    """An event is UTF-8 and fits in one Kafka record with room to spare."""
    if len(raw) > MAX_EVENT_BYTES:
        raise EventError("too-large", f"an event has at most {MAX_EVENT_BYTES} bytes")
    try:
        raw.decode()  # what is skipped (extensions) would otherwise pass unread
    except UnicodeDecodeError as error:
        raise diagnosis.not_json(error) from None


def check_envelope(envelope: "Envelope") -> None:
    """The CloudEvents attributes of an event at the door."""
    if envelope.specversion != "1.0":
        raise refuse("wrong-specversion", "/specversion", 'must be "1.0"')
    if envelope.data_base64 is not None:
        raise diagnosis.binary_data()
    for name, limit in LIMITS.items():
        check_text(f"/{name}", getattr(envelope, name), limit)
    for name in ("id", "source"):
        check_identifier(f"/{name}", getattr(envelope, name))
    content_type = envelope.datacontenttype
    if content_type is not None and not _JSON_TYPE.fullmatch(content_type):
        raise refuse("unsupported-data", "/datacontenttype", "must be application/json")
    if envelope.time is not None:
        meaning.check_instant("/time", envelope.time)


def check_data(envelope: "Envelope", data: Data, now: datetime | None) -> None:
    """The subject and data of an input event."""
    check_subject(envelope.type, envelope.subject)
    members = diagnosis.members_of(envelope.data)
    unknown = diagnosis.unknown_fields(members, type(data))
    if unknown is not None:
        raise unknown
    for attribute, name, is_text in _fields(type(data)):
        _check_value(name, is_text, getattr(data, attribute), members)
    if isinstance(data, Payment):
        meaning.check_payment(data, envelope.time, now)
    else:
        meaning.check(data)
    named = getattr(data, "replaces", None) or getattr(data, "reverses", None)
    if named == envelope.id:
        name = "reverses" if isinstance(data, Payment) else "replaces"
        raise refuse("wrong-target", pointer("data", name), "must name another event")


def check_subject(type: str, subject: str) -> None:
    """The account id that events of this type are about."""
    matches, form = _SUBJECTS.get(type, (is_enterprise, ENTERPRISE_FORM))
    if is_enterprise(subject) and matches(subject):
        return
    check_identifier("/subject", subject)
    if not matches(subject):
        raise refuse("wrong-identifier", "/subject", f"must be {form}")


def check_identifier(where: str, text: str) -> None:
    """Refuse raw identifiers of persons; the text is not repeated."""
    kind = personal_identifier(text)
    if kind is not None:
        raise refuse("personal-identifier", where, f"looks like a {kind}: send a pseudonym instead")


def check_text(where: str, text: str, limit: int) -> None:
    if not text.strip():
        raise refuse("missing-field", where, "must not be empty")
    if len(text) > limit:
        raise refuse("too-long", where, f"must have at most {limit} characters")
    if _CONTROL.search(text):
        raise refuse("wrong-format", where, "must not have control characters")


def check_decimal(where: str, value: Decimal, spelling: bytes) -> None:
    """Finite, plainly spelled, and small enough that no sum or product can surprise."""
    if spelling.startswith(b'"') and not _DECIMAL_TEXT.fullmatch(spelling):
        raise refuse("wrong-format", where, diagnosis.NUMBER)
    if value.adjusted() >= MAX_DIGITS:
        raise refuse("out-of-range", where, f"must be below 1e{MAX_DIGITS}")
    # Trailing zeros don't count: 1.50 is 1.5 whatever its spelling.
    if value and -_exponent(value) > MAX_PLACES and -_exponent(normalised(value)) > MAX_PLACES:
        raise refuse("out-of-range", where, f"must have at most {MAX_PLACES} decimal places")


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)  # finite: the spelling has been checked
    return exponent


@cache
def _fields(data_type: type[Data]) -> tuple[tuple[str, str, bool], ...]:
    """Attribute, name on the wire, and whether it is free text."""
    hints = get_type_hints(data_type, include_extras=True)
    return tuple(
        (field.name, field.encode_name, hints[field.name] in (str, str | None))
        for field in msgspec.structs.fields(data_type)
        if hints[field.name] is not Day
    )


def _check_value(
    name: str, is_text: bool, value: object, members: Mapping[str, msgspec.Raw]
) -> None:
    where = f"/data/{name}"
    if is_text and isinstance(value, str):
        check_text(where, value, TEXT_LIMITS.get(name, TEXT_LIMIT))
        if name in _IDENTIFIERS:
            check_identifier(where, value)
    elif isinstance(value, Decimal):
        check_decimal(where, value, bytes(members[name]))
    elif isinstance(value, dict):
        parts = diagnosis.members_of(members[name])
        for key, part in value.items():
            check_text(where, key, 32)
            check_identifier(where, key)
            check_decimal(pointer("data", name, key), part, bytes(parts[key]))
