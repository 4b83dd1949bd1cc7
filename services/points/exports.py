"""Points and tiers for an institution that persons have consented to, and of those persons only.

Each page looks anew who consents at that moment.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from typing import Annotated, Any, Literal, NamedTuple

from msgspec import UNSET, UnsetType

from services.points.domain import Moment, trailing_since
from shared.database import Pool
from shared.http.answers import Answer, Points, Timestamp, sample
from shared.units.amount import points_text

Purpose = Literal["credit_score", "village"]
_AMOUNT = re.compile(r"-?[0-9]+\.[0-9]+")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
COLUMNS = ("account_id", "balance", "credited_12m", "tier", "as_of")

# The accounts of a page first: what they earned is added up for these alone.
PAGE = """
with chosen as materialized (
    select s.subject, a.number, a.balance
    from subject s join account a on a.number = s.account
    where s.subject > $3 and exists (
        select from consent c where c.account = s.account and c.bank = $1 and c.scope = $2
            and c.ended_at is null and c.until > $4
    )
    order by s.subject limit $6
)
select c.subject, c.balance, coalesce(t.tier, 'none') as tier, r.village,
    coalesce(e.points, 0)::bigint as earned
from chosen c
left join tier t on t.account = c.number
left join residence r on r.account = c.number
left join lateral (
    select sum(case p.kind when 'credited' then p.points else -p.points end) as points
    from posting p where p.account = c.number and p.kind in ('credited', 'reversed')
        and p.occurred_at >= $5
) e on true
order by c.subject
"""


class Person(NamedTuple):
    """A row of `PAGE`; milli-points."""

    account_id: str
    balance: int
    tier: Literal["none", "light", "medium", "deep"]
    village: str | None
    earned: int


class ExportedPerson(Answer, frozen=True, kw_only=True):
    """A person; `credited_12m` are the points of the trailing 12 months, net."""

    account_id: Annotated[str, sample("jsrcb:token-0001")]
    balance: Points
    credited_12m: Points
    tier: Literal["none", "light", "medium", "deep"]
    as_of: Timestamp
    village: Annotated[str, sample("330824105201")] | UnsetType | None = UNSET


@dataclass(slots=True, frozen=True)
class Export:
    """Who asks, and what for."""

    purpose: Purpose
    bank: str

    @property
    def columns(self) -> tuple[str, ...]:
        """Nobody but the village evaluation is told where somebody lives."""
        return (*COLUMNS, "village") if self.purpose == "village" else COLUMNS


async def persons(pool: Pool, export: Export, after: str, limit: int, at: Moment) -> list[Person]:
    """Up to so many persons after this account id, who consent at that moment."""
    since = at.begin(trailing_since(at.today))
    found = await pool.fetch(PAGE, export.bank, export.purpose, after, at.now, since, limit)
    return [Person(*row) for row in found]


def item(export: Export, person: Person, at: Moment) -> ExportedPerson:
    """A person as exported."""
    return ExportedPerson(
        account_id=person.account_id,
        balance=points_text(person.balance),
        credited_12m=points_text(person.earned),
        tier=person.tier,
        as_of=at.now,
        village=person.village if "village" in export.columns else UNSET,
    )


def row(export: Export, person: Person, at: Moment) -> str:
    """The same as a line of a table."""
    shown = item(export, person, at)
    return csv_line([getattr(shown, column) for column in export.columns])


def csv_line(values: Sequence[Any]) -> str:
    """A line of RFC 4180; no text in it is taken for a formula by a spreadsheet."""
    line = StringIO()
    csv.writer(line).writerow([_cell(value) for value in values])
    return line.getvalue()


def _cell(value: Any) -> str:
    """A text that begins like a formula is quoted; an amount below zero is a number."""
    if isinstance(value, datetime):
        return value.isoformat()
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) and not _AMOUNT.fullmatch(text) else text
