"""What the door checks beyond types: bounds, spelling, identifiers, and the meaning of `data`."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias, get_type_hints
from zoneinfo import ZoneInfo

import msgspec

from shared.events import diagnosis, meaning, said
from shared.events.errors import EventError, pointer, refuse
from shared.events.fields import kinds, values_reader
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
from shared.events.modes import CHARSETS
from shared.events.types import Data, Day, Payment

if TYPE_CHECKING:
    from shared.events.envelope import Envelope

MAX_EVENT_BYTES = 65536
LIMITS = {"id": 128, "source": 256, "subject": 128, "type": 128}
TEXT_LIMIT = 128
TEXT_LIMITS = {"evidence": 512, "unit": 32, "currency": 3}
MAX_DIGITS = 15
MAX_PLACES = 12
MOST_SHARES = 20

# U+0000 cannot be stored by PostgreSQL; the others split log lines and keys.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# What nearly all are: plain, and within MAX_DIGITS and MAX_PLACES.
_MODEST = re.compile(rb'"?-?[0-9]{1,15}(?:\.[0-9]{1,12})?"?')
# A name with space before its colon, which counting `":` overlooks.
_SPACED = re.compile(rb'"[ \t\r\n]+:')
_DECIMAL_TEXT = re.compile(rb'"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"')
_USUAL_TYPES = (None, "application/json")
_JSON_TYPE = re.compile(r"\s*application/json\s*(;.*)?", re.DOTALL)
_CHARSET = re.compile(r'[;\s]charset\s*=\s*"?([^";\s]*)')
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
    if raw.isascii():
        return
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
    check_text("/id", envelope.id, LIMITS["id"])
    check_text("/source", envelope.source, LIMITS["source"])
    check_text("/subject", envelope.subject, LIMITS["subject"])
    check_text("/type", envelope.type, LIMITS["type"])
    check_identifier("/id", envelope.id)
    _check_source(envelope.source)
    content_type = envelope.datacontenttype
    if content_type not in _USUAL_TYPES and not _is_json(content_type):
        raise refuse("unsupported-data", "/datacontenttype", "must be application/json in UTF-8")
    if envelope.time is not None:
        meaning.check_instant("/time", envelope.time)


def check_data(
    raw: bytes, envelope: "Envelope", data: Data, now: datetime | None, zone: ZoneInfo
) -> None:
    """The subject and data of an input event, which is `raw`."""
    check_subject(envelope.type, envelope.subject)
    members = diagnosis.members_of(envelope.data)
    _check_once(raw, len(members))
    known, names, checks, values_of = _fields(data.__class__)
    if not known.issuperset(members):
        unknown = diagnosis.unknown_fields(members, data.__class__)
        assert unknown is not None
        raise unknown
    for name, check, value in zip(names, checks, values_of(data), strict=True):
        if value is not None:
            check(name, value, members)
    if isinstance(data, Payment):
        meaning.check_payment(data, envelope.time, now)
    else:
        meaning.check(data, now, zone)
    if data.named() == envelope.id:
        name = "reverses" if isinstance(data, Payment) else "replaces"
        raise refuse("wrong-target", pointer("data", name), "must name another event")


def _check_once(raw: bytes, members: int) -> None:
    """No object has a member twice. Of nearly all events it is enough to count the names."""
    known = len(diagnosis.members_of(raw)) + members
    if raw.count(b'":') == known and not _SPACED.search(raw):
        return
    try:
        errors = said.repeated(raw)
    except (ValueError, RecursionError) as error:
        raise diagnosis.not_json(error) from None
    if errors:
        where, detail = errors[0].pointer, errors[0].detail
        raise EventError("repeated-field", f"{where} {detail}", errors)


def check_subject(type: str, subject: str) -> None:
    """The account id that events of this type are about."""
    matches, form = _SUBJECTS.get(type, (is_enterprise, ENTERPRISE_FORM))
    fits = matches(subject)
    if fits and ":" not in subject and is_enterprise(subject):
        return  # whose digits may look like a person's
    check_identifier("/subject", subject)
    if not fits:
        raise refuse("wrong-identifier", "/subject", f"must be {form}")


def check_identifier(where: str, text: str) -> None:
    """Refuse raw identifiers of persons; the text is not repeated."""
    kind = personal_identifier(text)
    if kind is not None:
        raise refuse("personal-identifier", where, f"looks like a {kind}: send a pseudonym instead")


def _is_json(content_type: str) -> bool:
    """JSON in UTF-8, whatever other parameters its type has; in binary mode it is the request's."""
    found = _JSON_TYPE.fullmatch(content_type.lower())
    return found is not None and CHARSETS.issuperset(_CHARSET.findall(found[1] or ""))


@lru_cache(1024)  # of those that pass
def _check_source(source: str) -> None:
    check_identifier("/source", source)


def check_text(where: str, text: str, limit: int) -> None:
    if text.isprintable() and len(text) <= limit and text and not text.isspace():
        return
    if not text.strip():
        raise refuse("missing-field", where, "must not be empty")
    if len(text) > limit:
        raise refuse("too-long", where, f"must have at most {limit} characters")
    if _CONTROL.search(text):
        raise refuse("wrong-format", where, "must not have control characters")


def check_decimal(where: str, value: Decimal, spelling: msgspec.Raw) -> None:
    """Finite, plainly spelled, and small enough that no sum or product can surprise."""
    if _MODEST.fullmatch(spelling):
        return
    if bytes(spelling).startswith(b'"') and not _DECIMAL_TEXT.fullmatch(spelling):
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


Check: TypeAlias = Callable[[str, Any, Mapping[str, msgspec.Raw]], None]


@cache
def _fields(
    data_type: type[Data],
) -> tuple[frozenset[str], list[str], list[Check], Callable[[Data], tuple[Any, ...]]]:
    """All names of a type; then those to be checked, how, and what reads their values."""
    hints = get_type_hints(data_type, include_extras=True)
    fields = msgspec.structs.fields(data_type)
    checks = {f.name: check for f in fields if (check := _check_of(f.encode_name, hints[f.name]))}
    return (
        frozenset(field.encode_name for field in fields),
        [field.encode_name for field in fields if field.name in checks],
        list(checks.values()),
        values_reader(list(checks)),
    )


def _check_of(name: str, hint: object) -> Check | None:
    if hint is Day:
        return None
    if hint in (str, str | None):
        return _check_identifier_field if name in _IDENTIFIERS else _check_text_field
    found = kinds(hint)
    if Decimal in found:
        return _check_decimal_field
    return _check_shares if dict[str, Decimal] in found else None


def _check_text_field(name: str, value: str, members: Mapping[str, msgspec.Raw]) -> None:
    check_text(f"/data/{name}", value, TEXT_LIMITS.get(name, TEXT_LIMIT))


def _check_identifier_field(name: str, value: str, members: Mapping[str, msgspec.Raw]) -> None:
    _check_text_field(name, value, members)
    check_identifier(f"/data/{name}", value)


def _check_decimal_field(name: str, value: Decimal, members: Mapping[str, msgspec.Raw]) -> None:
    check_decimal(f"/data/{name}", value, members[name])


def _check_shares(name: str, value: dict[str, Decimal], members: Mapping[str, msgspec.Raw]) -> None:
    if len(value) > MOST_SHARES:
        raise refuse("out-of-range", f"/data/{name}", f"must have at most {MOST_SHARES} shares")
    spellings = diagnosis.members_of(members[name])
    for key, part in value.items():
        check_text(f"/data/{name}", key, 32)
        check_identifier(f"/data/{name}", key)
        check_decimal(pointer("data", name, key), part, spellings[key])
