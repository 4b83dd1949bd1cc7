"""Parameters that more than one service has, and what holds for all of them."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, TypeVar

from fastapi import Path, Request
from fastapi.dependencies.models import Dependant
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from shared.events import said
from shared.events.errors import MOST_ERRORS, FieldError
from shared.events.identifiers import PERSONAL_PATTERN
from shared.events.meaning import YEARS
from shared.http.problems import Problem

DateT = TypeVar("DateT", bound=date)
# To the database the first and the last day of Python's calendar are infinite: whatever counts
# days from there fails, and keeps failing once it is stored.
CALENDAR = range(1900, 3000)
CALENDAR_PATTERN = "^(19|2[0-9])[0-9]{2}-"
IN_CALENDAR = f"expected a date in the years {CALENDAR[0]} to {CALENDAR[-1]}"
_WHOLE = re.compile("-?[0-9]+")
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(rf"{_DATE.pattern}T[0-9:]{{8}}(\.[0-9]+)?(Z|[+-][0-9]{{2}}:[0-9]{{2}})")


def _dated(value: Any) -> Any:
    # Of itself Pydantic takes numbers as seconds since 1970, too.
    if isinstance(value, str) and not _DATE.fullmatch(value):
        raise ValueError("expected a date such as 2026-03-01")
    return value


def _timed(value: Any) -> Any:
    if isinstance(value, str) and not _INSTANT.fullmatch(value):
        raise ValueError("expected an instant with its offset, such as 2026-03-01T12:00:00+08:00")
    return value


def _counted(value: Any) -> Any:
    # Of itself Pydantic takes 1.0, 1_0 and spaces around, too.
    if isinstance(value, str) and not _WHOLE.fullmatch(value):
        raise ValueError("expected a whole number in digits")
    return value


def _within(value: DateT) -> DateT:
    if value.year not in CALENDAR:
        raise ValueError(IN_CALENDAR)
    return value


# Of a whole number in an address, after its bounds: `Annotated[int, Field(ge=1), IN_DIGITS]`.
IN_DIGITS = BeforeValidator(_counted)
# An account year of the city's calendar.
YearAsked = Annotated[int, Field(ge=YEARS[0], le=YEARS[-1]), IN_DIGITS]
_DOCUMENTED = Field(json_schema_extra={"pattern": CALENDAR_PATTERN})
# A date in a query: `Annotated[DayAsked | None, Query(description=...)]`.
DayAsked = Annotated[date, BeforeValidator(_dated), AfterValidator(_within), _DOCUMENTED]
# An instant in a query, with its offset.
InstantAsked = Annotated[
    AwareDatetime, BeforeValidator(_timed), AfterValidator(_within), _DOCUMENTED
]
PersonalAccount = Annotated[
    str,
    Path(
        description="The account, <bank>:<token>",
        examples=["jsrcb:token-0001"],
        json_schema_extra={"pattern": PERSONAL_PATTERN},
    ),
]


async def only_known(request: Request) -> None:
    """A dependency of every route: 422 for a query parameter that is none of its own, or is there
    twice. Passed over, `?yaer=2020` would be answered with another year's figures."""
    known = list(_queried(request.scope["route"].dependant))
    given = Counter(name for name, _ in request.query_params.multi_items())
    expected = f"expected one of {', '.join(known)}" if known else "there are none here"
    faults = [
        FieldError(said.where("query", name), "is there twice" if name in known else expected)
        for name, times in given.items()
        if times > 1 or name not in known
    ]
    if faults := faults[:MOST_ERRORS]:
        detail = "; ".join(f"{fault.pointer}: {fault.detail}" for fault in faults)
        raise Problem("invalid-parameter", 422, detail, faults)


def _queried(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for one in dependant.dependencies:
        yield from _queried(one)
