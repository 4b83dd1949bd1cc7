"""Request bodies: strict msgspec structs, with an error that points at the field."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import Depends, Request

from shared.auth.principal import Principal, authenticated
from shared.events import said
from shared.events.diagnosis import NUMBER, NUMBER_PATTERN
from shared.events.errors import MOST_ERRORS, FieldError, pointer
from shared.events.identifiers import personal_identifier
from shared.http.answers import COMPONENTS, JSON, schema
from shared.http.parameters import CALENDAR, CALENDAR_PATTERN, IN_CALENDAR
from shared.http.problems import Problem, invalid, unsupported_media_type

BodyT = TypeVar("BodyT", bound="Body")
DECIMAL_PLACES_MAX = 30
# The pattern of a text that says something: more than spaces.
NOT_BLANK = r"\S"
READ_SECONDS_MAX = 30.0
_NUMBER = re.compile(NUMBER_PATTERN)


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every request body is made from: unknown fields are refused."""


def body(type: type[BodyT]) -> Callable[[Request, Principal], Awaitable[BodyT]]:
    """A dependency giving the decoded body: `b: Annotated[Meter, Depends(body(Meter))]`.

    415 for another content type, 408 when it comes too slowly, 400 when it isn't JSON, 422 with
    pointers otherwise.
    """
    if not type.__struct_config__.forbid_unknown_fields:
        raise TypeError(f"{type.__name__} must forbid unknown fields (derive it from Body)")
    decoder = msgspec.json.Decoder(type)

    # Whoever has no good token learns nothing about the body: the principal comes first.
    async def read(request: Request, _: Annotated[Principal, Depends(authenticated)]) -> BodyT:
        expect_json(request.headers.get("content-type"))
        return decoded(decoder, await received(request))

    return read


async def received(request: Request, seconds_max: float = READ_SECONDS_MAX) -> bytes:
    """The whole body; 408 when it comes too slowly, since a client that is gone says nothing."""
    try:
        async with asyncio.timeout(seconds_max):
            return await request.body()
    except TimeoutError:
        limit = f"The body did not arrive within {seconds_max:g} s"
        raise Problem("too-slow", 408, limit) from None


def accepts(type: type[Body], *examples: dict[str, Any]) -> dict[str, Any]:
    """`openapi_extra` of a route with such a body, since FastAPI sees only the request.

    Without examples, one is made from those of the fields.
    """
    found, components = schema(type)
    content: dict[str, Any] = {"schema": found}
    if examples:
        named = {f"{n}": {"value": given} for n, given in enumerate(examples, 1)}
        content["examples"] = named
    types = {name: _as_taken(node) for name, node in components.items()}
    return {"requestBody": {"required": True, "content": {JSON: content}, COMPONENTS: types}}


def _as_taken(node: Any) -> Any:
    """Decimals may come as JSON numbers too; not all days are taken."""
    if isinstance(node, list):
        return [_as_taken(one) for one in node]
    if not isinstance(node, dict):
        return node
    if node.get("format") == "decimal":
        return node | {"type": ["string", "number"], "pattern": NUMBER_PATTERN}
    if node.get("format") in ("date", "date-time"):
        return node | {"pattern": CALENDAR_PATTERN}
    return {name: _as_taken(one) for name, one in node.items()}


def expect_json(content_type: str | None) -> None:
    """415 unless the content type is JSON in UTF-8."""
    media, _, parameters = (content_type or "").lower().partition(";")
    charset = re.search(r'charset="?([^";\s]+)', parameters)
    if media.strip() == JSON and (not charset or charset[1] in ("utf-8", "utf8")):
        return
    got = f"got {content_type!r}" if content_type else "there was none"
    raise unsupported_media_type(f"Expected content-type {JSON}; {got}")


def decoded(decoder: msgspec.json.Decoder[BodyT], raw: bytes) -> BodyT:
    """The struct in `raw`, or the problem with it."""
    try:
        found = decoder.decode(raw)
        written = said.read(raw)
    except msgspec.ValidationError as error:
        fault = field_fault(str(error), decoder.type)
        raise Problem("invalid-body", 422, f"{fault.pointer}: {fault.detail}", [fault]) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem("not-json", 400, f"The body is not JSON: {error}") from None
    except RecursionError:
        raise Problem("not-json", 400, "The body is nested too deeply") from None
    if faults := said.doubled(written) or _unstorable(found, written, ())[:MOST_ERRORS]:
        raise Problem("invalid-body", 422, f"{faults[0].pointer}: {faults[0].detail}", faults)
    return found


def refuse_person(where: str, text: str, name: str = "invalid-body") -> None:
    """422 when there is what looks like an identifier of a person in a text that is kept."""
    found = personal_identifier(text)
    if found is not None:
        raise invalid(where, f"looks like a {found}; expected no identifier of a person", name)


def refuse_persons(**texts: str | None) -> None:
    """The same of a body's texts, by their names."""
    for name, text in texts.items():
        if text is not None:
            refuse_person(f"/{name}", text)


def field_fault(message: str, type: Any = None) -> FieldError:
    """msgspec's sentence as a pointer and a detail; closed lists are spelled out."""
    detail, _, path = message.partition(" - at `$")
    parts: list[str | int] = [
        int(index) if index else name
        # msgspec does not say under which key of an object with any keys: the pointer ends there.
        for name, index in re.findall(r"\.([^.\[\]`]+)|\[(\d+)\]", path.partition("[...]")[0])
    ]
    if missing := re.fullmatch(r"Object missing required field `(.+)`", detail):
        return FieldError(pointer(*parts, missing[1]), "is missing")
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", detail, re.DOTALL):
        return FieldError(said.where(*parts, unknown[1]), "is not a field of this body")
    if detail.startswith("Expected `str` matching") and NOT_BLANK in detail:
        return FieldError(pointer(*parts), "must not be blank")
    if detail.startswith("Invalid enum value") and (words := _words(type, parts)):
        return FieldError(pointer(*parts), f"must be one of: {', '.join(words)}")
    return FieldError(pointer(*parts), detail)


def _words(type: Any, parts: list[str | int]) -> list[str]:
    """The closed list at a path of a struct type; empty when there is none."""
    node: Any = msgspec.inspect.type_info(type) if type else None
    for part in parts:
        fields = getattr(_structured(node), "fields", ())
        node = next((f.type for f in fields if f.encode_name == part), None)
    found = next((n for n in _members(node) if isinstance(n, msgspec.inspect.LiteralType)), None)
    return [str(v) for v in found.values] if found else []


def _members(node: Any) -> tuple[Any, ...]:
    return node.types if isinstance(node, msgspec.inspect.UnionType) else (node,)


def _structured(node: Any) -> Any:
    return next((n for n in _members(node) if isinstance(n, msgspec.inspect.StructType)), None)


def _unstorable(value: Any, written: Any, path: tuple[str | int, ...]) -> list[FieldError]:
    """What JSON and msgspec allow and no ledger can hold; `written`: how it came."""
    match value:
        case dict():
            return [f for k, v in value.items() for f in _unstorable(v, written[k], (*path, k))]
        case list():
            return [f for n, v in enumerate(value) for f in _unstorable(v, written[n], (*path, n))]
        case msgspec.Struct():
            names = {field.encode_name: field.name for field in msgspec.structs.fields(value)}
            return [
                fault
                for name, one in written.items()
                for fault in _unstorable(getattr(value, names[name]), one, (*path, name))
            ]
        case Decimal() if isinstance(written, str) and not _NUMBER.fullmatch(written):
            # Python reads more than numbers: 1_0, a space before, digits of other scripts.
            return [FieldError(pointer(*path), NUMBER)]
        case Decimal() if not _in_range(value):
            return [FieldError(pointer(*path), "expected a finite decimal of ordinary size")]
        case date() if value.year not in CALENDAR:
            return [FieldError(pointer(*path), IN_CALENDAR)]
        case str() if "\x00" in value:
            return [FieldError(pointer(*path), "must not contain a NUL character")]
    return []


def _in_range(value: Decimal) -> bool:
    if not value.is_finite():
        return False
    exponent = value.as_tuple().exponent
    return (
        isinstance(exponent, int)
        and max(abs(exponent), abs(value.adjusted())) <= DECIMAL_PLACES_MAX
    )
