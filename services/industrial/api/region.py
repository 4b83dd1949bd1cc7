"""The region's totals."""

from datetime import date
from fractions import Fraction
from typing import Annotated, Any

from fastapi import APIRouter, Request
from msgspec import Meta
from starlette.responses import Response

from services.industrial.api.accounts import Reader
from services.industrial.api.parameters import YearQuery
from services.industrial.store import region
from shared.http.answers import Answer, Month, Ratio, Tonnes, Year, answers, sample
from shared.http.app import json_response
from shared.http.city import today
from shared.units.amount import ratio_text, tonnes_text

router = APIRouter(prefix="/v1", tags=["region"])


class Emitted(Answer, frozen=True, kw_only=True):
    energy_t: Tonnes
    process_t: Tonnes
    avoided_t: Tonnes
    total_t: Tonnes


class Totals(Emitted, frozen=True, kw_only=True):
    """Of how many enterprises something is known, and their sums; null where none is registered
    or no month is over."""

    enterprises: int
    with_account: int
    complete: int
    coverage: Ratio | None
    months_reported: int
    months_coverage: Ratio | None
    avoided_pv_t: Tonnes


class RegionMonth(Emitted, frozen=True, kw_only=True):
    month: Month
    complete: int


class RegionSummary(Totals, frozen=True, kw_only=True):
    year: Year
    months_elapsed: Annotated[int, Meta(ge=0, le=12)]
    by_sector: dict[Annotated[str, sample("1495")], Totals]
    by_district: dict[Annotated[str, sample("开化县")], Totals]
    by_month: list[RegionMonth]


@router.get(
    "/region/summary",
    summary="Totals by sector, district and month, and coverage",
    responses=answers(RegionSummary),
)
async def get_summary(request: Request, who: Reader, year: YearQuery = None) -> Response:
    """The city's total for its regional account, and how much of it is known.

    `coverage` is the share of registered enterprises with complete data: energy and output in
    every elapsed month, of a past year in eleven. `months_coverage` is the share of their months.
    """
    state = request.app.state
    day = today(request)
    wanted = year or day.year
    elapsed = _elapsed(wanted, day)
    required = region.MONTHS_NEEDED if wanted < day.year else elapsed
    async with (
        state.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        rows = await region.totals(connection, wanted, elapsed, required)
        months = await region.months(connection, wanted)
    sums = {(row["sector"], row["district"]): _sums(row, elapsed) for row in rows}
    return json_response(
        RegionSummary(
            year=wanted,
            months_elapsed=elapsed,
            **(sums.get((None, None)) or _nothing()),
            by_sector={sector: Totals(**found) for (sector, _), found in sums.items() if sector},
            by_district={place: Totals(**found) for (_, place), found in sums.items() if place},
            by_month=[_month(wanted, row) for row in months],
        )
    )


def _elapsed(year: int, today: date) -> int:
    """How many months of a year are over."""
    return 12 if year < today.year else today.month - 1 if year == today.year else 0


def _sums(row: Any, elapsed: int) -> dict[str, Any]:
    enterprises = row["enterprises"]
    return {
        "enterprises": enterprises,
        "with_account": row["covered"],
        "complete": row["complete"] if elapsed else 0,
        "coverage": _share(row["complete"] if elapsed else 0, enterprises),
        "months_reported": row["months"],
        "months_coverage": _share(row["months"], enterprises * elapsed),
        "avoided_pv_t": tonnes_text(row["pv_mg"]),
    } | _tonnes(row)


def _nothing() -> dict[str, Any]:
    names = ("enterprises", "covered", "complete", "months")
    return _sums(dict.fromkeys((*names, "energy_mg", "process_mg", "avoided_mg", "pv_mg"), 0), 0)


def _share(part: int, whole: int) -> str | None:
    return ratio_text(Fraction(part, whole)) if whole else None


def _month(year: int, row: Any) -> RegionMonth:
    return RegionMonth(month=f"{year}-{row['month']:02}", complete=row["complete"], **_tonnes(row))


def _tonnes(row: Any) -> dict[str, str]:
    energy, process, avoided = row["energy_mg"], row["process_mg"], row["avoided_mg"]
    return {
        "energy_t": tonnes_text(energy),
        "process_t": tonnes_text(process),
        "avoided_t": tonnes_text(avoided),
        "total_t": tonnes_text(energy + process - avoided),
    }
