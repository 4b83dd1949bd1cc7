"""What a route answers: the shapes of its bodies, and which refusals it can give.

    @router.get("/things/{id}", summary="A thing", responses=answers(Thing, NOT_FOUND))

The view makes a `Thing`, so what is sent and what is documented are the same declaration. What
every route like it can answer (401 and 403 with a scope, 400, 413 and 415 with a body, 422 with
anything to get wrong) is added by `shared.http.openapi` and not named here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta

from shared.http.problems import MEDIA_TYPE, Problem

JSON = "application/json"
COMPONENTS = "x-components"
REFERENCE = "#/components/schemas/{name}"

PROBLEM = {"$ref": REFERENCE.format(name="Problem")}

T = TypeVar("T")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What every answer's body is made from. A field that may be absent is UNSET by default."""


# A problem inside of an answer.
ProblemMember = Annotated[dict[str, Any], Meta(extra_json_schema=PROBLEM)]


class Listing(Answer, Generic[T], frozen=True, kw_only=True):
    """A page of a list: `next` is the cursor of the following one, null at the end."""

    items: list[T]
    next: Annotated[str, Meta(examples=["Zm9yIHRoZSBuZXh0IHBhZ2U"])] | None


class Wording(Answer, frozen=True, kw_only=True):
    """A sentence in both languages."""

    en: Annotated[str, Meta(examples=["electricity"])]
    zh: Annotated[str, Meta(examples=["电力"])]


class Warned(Answer, frozen=True, kw_only=True):
    """In which way a figure stands in for another one."""

    en: Annotated[str, Meta(examples=["the factor of 2022 is used"])]
    zh: Annotated[str, Meta(examples=["采用2022年因子"])] | None


class EventName(Answer, frozen=True, kw_only=True):
    """What makes an event one of its kind."""

    source: Annotated[str, Meta(examples=["urn:grid:meters"])]
    id: Annotated[str, Meta(examples=["m-1-2026-01-01T00:15"])]


def one_of(words: Iterable[Any], description: str | None = None) -> Meta:
    """Of a field whose words are listed elsewhere: `carrier: Annotated[str, one_of(CARRIERS)]`."""
    return Meta(extra_json_schema={"enum": list(words)}, description=description)


def sample(example: Any, description: str | None = None) -> Meta:
    """Of a field: `name: Annotated[str, sample("Works 1")]`."""
    return Meta(examples=[example], description=description)


def _decimal(places: int | None, example: str, description: str) -> Meta:
    fraction = r"(\.[0-9]+)?" if places is None else rf"(\.[0-9]{{1,{places}}})?"
    return Meta(pattern=rf"^-?[0-9]+{fraction}$", examples=[example], description=description)


# Figures are texts, so that no reader's floats change them.
Tonnes = Annotated[str, _decimal(9, "14150.75", "t CO2e, exact to the milligram")]
Grams = Annotated[str, _decimal(3, "23.096", "g CO2e, exact to the milligram")]
Points = Annotated[str, _decimal(3, "12.5", "Points, exact to a thousandth")]
Ratio = Annotated[str, _decimal(6, "0.833333", "Rounded half-even to six places")]
Yuan = Annotated[str, _decimal(2, "1250.40", "Yuan, to the fen")]
DecimalText = Annotated[str, _decimal(None, "1.5", "An exact decimal")]
Year = Annotated[int, Meta(examples=[2026])]
Month = Annotated[str, Meta(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$", examples=["2026-05"])]
Day = Annotated[str, Meta(extra_json_schema={"format": "date"}, examples=["2026-05-31"])]
Instant = Annotated[
    str, Meta(extra_json_schema={"format": "date-time"}, examples=["2026-05-31T16:00:00+00:00"])
]
# The same made from a datetime; in UTC it ends in Z.
Timestamp = Annotated[datetime, Meta(tz=True)]


@dataclass(slots=True, frozen=True)
class Refusal:
    """A problem that a route can answer: its status, its name, and an example of its detail.

    `members` are further members of the problem, as an example; `shape` their declaration.
    """

    status: int
    name: str
    detail: str
    members: dict[str, Any] = field(default_factory=dict)
    shape: Any = None

    def document(self) -> dict[str, Any]:
        """An answer as it would be."""
        return Problem(self.name, self.status, self.detail, **self.members).document()


NOT_FOUND = Refusal(404, "not-found", "There is no account 'ent:none'")
NOT_ACCEPTABLE = Refusal(
    406, "not-acceptable", "Accept: expected one of application/json, text/csv"
)


def conflicts(detail: str, name: str = "conflict", **members: Any) -> Refusal:
    """409; the detail says when."""
    return Refusal(409, name, detail, members)


def answers(shape: Any, *more: "int | Refusal", media: str = JSON) -> dict[int | str, Any]:
    """`responses` of a route that answers `shape` (None: no body) with these statuses (none: 200).

    More shapes are further dicts: `answers(Thing) | answers(Job, 202, NOT_FOUND)`.
    """
    statuses = [one for one in more if isinstance(one, int)] or [HTTPStatus.OK]
    found: dict[int | str, Any] = {
        int(status): _answer(shape, status, media) for status in statuses
    }
    refuse(found, [one for one in more if isinstance(one, Refusal)])
    return found


def refuse(responses: dict[Any, Any], refusals: Sequence[Refusal], key: Any = int) -> None:
    """Add refusals to documented responses, those of one status beside each other."""
    for refusal in refusals:
        answer = responses.setdefault(key(refusal.status), _refused(refusal))
        content = answer["content"][MEDIA_TYPE]
        # A shape that the route gave itself holds for all problems of this status.
        if refusal.shape is not None or content["schema"] == PROBLEM:
            content["examples"].setdefault(refusal.name, {"value": refusal.document()})


def schema(shape: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The JSON Schema of a type, and those of the named types in it."""
    (found,), components = msgspec.json.schema_components((shape,), ref_template=REFERENCE)
    return found, components


_TEXT_HEADER = {"schema": {"type": "string"}}
_SECONDS_HEADER = {"schema": {"type": "integer"}}
_HEADERS = {
    401: {"WWW-Authenticate": _TEXT_HEADER | {"description": "Bearer"}},
    429: {"Retry-After": _SECONDS_HEADER | {"description": "Seconds to wait"}},
    503: {"Retry-After": _SECONDS_HEADER | {"description": "Seconds to wait"}},
}


def _answer(shape: Any, status: int, media: str) -> dict[str, Any]:
    described: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if shape is None:
        return described
    found, components = schema(shape)
    return described | {"content": {media: {"schema": found}}, COMPONENTS: components}


def _refused(refusal: Refusal) -> dict[str, Any]:
    """The response of a first refusal, still without its example."""
    found: dict[str, Any] = {"description": refusal.document()["title"]}
    if headers := _HEADERS.get(refusal.status):
        found["headers"] = headers
    described: dict[str, Any] = PROBLEM
    if refusal.shape is not None:
        members, found[COMPONENTS] = schema(refusal.shape)
        described = {"allOf": [PROBLEM, members]}
    return found | {"content": {MEDIA_TYPE: {"schema": described, "examples": {}}}}
