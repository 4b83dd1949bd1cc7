"""What to tell the sender of an event that could not be decoded: which field, what was expected."""

import re
from collections.abc import Iterable
from itertools import islice
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from shared.events import said
from shared.events.errors import MOST_ERRORS, EventError, FieldError, pointer, refuse

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_MESSAGE = re.compile(r"(?P<what>.*?)(?: - at `\$(?P<path>.*)`)?", re.DOTALL)
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_EXPECTED = re.compile(r"Expected `(?P<expected>[^`]+)`(?:, got `(?P<got>[^`]+)`)?")
NUMBER_PATTERN = r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
NUMBER = 'must be a plain decimal number, such as 12.5 or "12.5"'
_TIME = "must be an RFC 3339 time with an offset, such as 2020-01-31T08:00:00+08:00"


def members_of(raw: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """The members of a JSON object, each undecoded; ValueError when it is none."""
    return _members.decode(raw)


def of_envelope(raw: bytes, envelope: type[msgspec.Struct], error: Exception) -> EventError:
    """Why `raw` is not a CloudEvent."""
    if not isinstance(error, msgspec.ValidationError):
        return not_json(error)
    found = _find_members(raw)
    if found is None:
        return EventError(
            "wrong-type", "the event must be a JSON object", [FieldError("", "must be an object")]
        )
    if "data_base64" in found:
        return binary_data()
    return _of_fields((), found, envelope, False, error)


def of_data(
    raw: msgspec.Raw, data_type: type[msgspec.Struct], strict: bool, error: Exception
) -> EventError:
    """Why `data` does not fit its type; missing fields are listed all at once."""
    found = _find_members(raw)
    if found is None:
        return refuse("wrong-type", "/data", "must be a JSON object")
    return _of_fields(("data",), found, data_type, strict, error)


def not_json(error: Exception) -> EventError:
    """JSON that does not parse; says where, not what."""
    return EventError("not-json", f"not JSON in UTF-8: {_place(error)}")


def binary_data() -> EventError:
    return refuse("unsupported-data", "/data_base64", "is not taken: send a JSON object in data")


def unknown_type(known: Iterable[str]) -> EventError:
    return refuse("unknown-type", "/type", f"must be one of: {', '.join(known)}")


def unknown_fields(found: Iterable[str], data_type: type[msgspec.Struct]) -> EventError | None:
    """The fields of `data` that its type doesn't have, if any."""
    known = data_type.__struct_encode_fields__
    detail = f"is not a field of this type; known: {', '.join(known)}"
    unknown = islice((name for name in found if name not in known), MOST_ERRORS)
    errors = [FieldError(said.where("data", name), detail) for name in unknown]
    if not errors:
        return None
    return EventError("unknown-field", f"unknown fields: {_pointers(errors)}", errors)


def missing_fields(names: Iterable[str], *parents: str) -> EventError:
    errors = [FieldError(pointer(*parents, name), "is required") for name in names]
    return EventError("missing-field", f"missing: {_pointers(errors)}", errors)


def _pointers(errors: list[FieldError]) -> str:
    return ", ".join(error.pointer for error in errors)


def _find_members(raw: bytes | msgspec.Raw) -> dict[str, msgspec.Raw] | None:
    try:
        return members_of(raw)
    except (ValueError, RecursionError):
        return None


def _of_fields(
    parents: tuple[str, ...],
    found: dict[str, msgspec.Raw],
    struct: type[msgspec.Struct],
    strict: bool,
    error: Exception,
) -> EventError:
    fields = msgspec.structs.fields(struct)
    missing = [f.encode_name for f in fields if f.required and f.encode_name not in found]
    if missing:
        return missing_fields(missing, *parents)
    unknown = unknown_fields(found, struct) if strict else None
    return unknown or _of_message(parents, struct, str(error))


def _of_message(parents: tuple[str, ...], struct: type[msgspec.Struct], message: str) -> EventError:
    match = _MESSAGE.fullmatch(message)
    what, path = (match["what"], match["path"] or "") if match else (message, "")
    steps = [name or index for name, index in _STEP.findall(path)]
    where = pointer(*parents, *steps)
    if what.startswith("Invalid enum value"):
        words = ", ".join(_words(struct, steps[0])) if steps else ""
        return refuse("unknown-word", where, f"must be one of: {words}")
    if what.startswith("Invalid decimal"):
        return refuse("wrong-format", where, NUMBER)
    if "datetime" in what:
        return refuse("wrong-format", where, _TIME)
    return refuse("wrong-type", where, _expected(what))


def _expected(what: str) -> str:
    match = _EXPECTED.match(what)
    if match is None:
        return "does not have the expected form"
    got = f", not {match['got']}" if match["got"] else ""
    return f"must be {match['expected'].replace(' | null', '')}{got}".replace("str", "text")


def _words(struct: type[msgspec.Struct], name: str) -> tuple[str, ...]:
    attribute = dict(zip(struct.__struct_encode_fields__, struct.__struct_fields__, strict=True))
    return literals(get_type_hints(struct)[attribute[name]])


def literals(hint: Any) -> tuple[str, ...]:
    """The words of a Literal, also of an optional one; empty for any other type."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    return next((words for part in get_args(hint) if (words := literals(part))), ())


def _place(error: Exception) -> str:
    """Where the JSON breaks, without the text that was sent."""
    match = re.search(r"\(byte (\d+)\)|position (\d+)", str(error))
    return (
        f"byte {match[1] or match[2]}"
        if match
        else "it ends too early, has half a surrogate pair or is nested too deep"
    )
