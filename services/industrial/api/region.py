"""The region's totals."""

from datetime import date
from fractions import Fraction
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.industrial.api.accounts import Reader, YearQuery, zone_of
from services.industrial.store import region
from shared.http.app import json_response
from shared.units.amount import ratio_text, tonnes_text
from shared.units.calendar import local_date

# Of a past year; as for a label.
MONTHS_NEEDED = 11
router = APIRouter(prefix="/v1", tags=["region"])


@router.get("/region/summary", summary="Totals by sector, district and month, and coverage")
async def get_summary(request: Request, who: Reader, year: YearQuery = None) -> Response:
    """The city's total for its regional account, and how much of it is known.

    `coverage` is the share of registered enterprises with complete data: energy and output in
    every elapsed month, of a past year in eleven. `months_coverage` is the share of their months.
    """
    state = request.app.state
    today = local_date(state.clock(), zone_of(request))
    wanted = year or today.year
    elapsed = _elapsed(wanted, today)
    required = MONTHS_NEEDED if wanted < today.year else elapsed
    async with (
        state.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        rows = await region.totals(connection, wanted, elapsed, required)
        months = await region.months(connection, wanted)
    sums = {(row["sector"], row["district"]): _sums(row, elapsed) for row in rows}
    return json_response(
        {
            "year": wanted,
            "months_elapsed": elapsed,
            **(sums.get((None, None)) or _nothing()),
            "by_sector": {sector: found for (sector, _), found in sums.items() if sector},
            "by_district": {place: found for (_, place), found in sums.items() if place},
            "by_month": [_month(wanted, row) for row in months],
        }
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
    } | _tonnes(row["energy_mg"], row["process_mg"], row["avoided_mg"], row["pv_mg"])


def _nothing() -> dict[str, Any]:
    names = ("enterprises", "covered", "complete", "months")
    return _sums(dict.fromkeys((*names, "energy_mg", "process_mg", "avoided_mg", "pv_mg"), 0), 0)


def _share(part: int, whole: int) -> str | None:
    return ratio_text(Fraction(part, whole)) if whole else None


def _month(year: int, row: Any) -> dict[str, Any]:
    tonnes = _tonnes(row["energy_mg"], row["process_mg"], row["avoided_mg"], 0)
    del tonnes["avoided_pv_t"]
    return {"month": f"{year}-{row['month']:02}", "complete": row["complete"]} | tonnes


def _tonnes(energy: int, process: int, avoided: int, pv: int) -> dict[str, str]:
    return {
        "energy_t": tonnes_text(energy),
        "process_t": tonnes_text(process),
        "avoided_t": tonnes_text(avoided),
        "total_t": tonnes_text(energy + process - avoided),
        "avoided_pv_t": tonnes_text(pv),
    }
