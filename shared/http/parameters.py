"""Parameters that more than one service has."""

import re
from datetime import date
from typing import Annotated, Any

from fastapi import Path
from pydantic import AwareDatetime, BeforeValidator

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


# A date in a query: `Annotated[DayAsked | None, Query(description=...)]`.
DayAsked = Annotated[date, BeforeValidator(_dated)]
# An instant in a query, with its offset.
InstantAsked = Annotated[AwareDatetime, BeforeValidator(_timed)]
PersonalAccount = Annotated[
    str, Path(description="The account, <bank>:<token>", examples=["jsrcb:token-0001"])
]
