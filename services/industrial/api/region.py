"""The region's totals, and readings held for review."""

from fractions import Fraction
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.industrial.api.accounts import Reader, YearQuery
from services.industrial.store import accounts
from shared.auth.principal import require_subject
from shared.http.app import json_response
from shared.http.paging import Page, paging
from shared.http.problems import forbidden
from shared.units.amount import ratio_text, tonnes_text
from shared.units.calendar import Zone, local_date

router = APIRouter(prefix="/v1", tags=["region"])


@router.get("/region/summary", summary="Totals by sector and district, and coverage")
async def get_summary(request: Request, who: Reader, year: YearQuery = None) -> Response:
    state = request.app.state
    wanted = year or local_date(state.clock(), Zone(state.settings.tanzhang_zone)).year
    async with state.pool.acquire() as connection:
        rows = await accounts.region(connection, wanted)
    sums = {(row["sector"], row["district"]): _sums(row) for row in rows}
    empty = {"enterprises": 0, "with_account": 0, "coverage": None} | _tonnes(0, 0, 0, 0)
    return json_response(
        {
            "year": wanted,
            **sums.get((None, None), empty),
            "by_sector": {sector: found for (sector, _), found in sums.items() if sector},
            "by_district": {place: found for (_, place), found in sums.items() if place},
        }
    )


@router.get("/reviews", summary="Readings held for review")
async def get_reviews(
    request: Request,
    who: Reader,
    page: Annotated[Page, Depends(paging)],
    enterprise_id: str | None = None,
) -> Response:
    if enterprise_id is not None:
        require_subject(who, enterprise_id)
    elif not who.reads_all():
        raise forbidden("Name an enterprise_id: the token reads some enterprises only")
    after = page.after(tuple[str, str])
    start = (after[0], bytes.fromhex(after[1])) if after else ("", b"")
    async with request.app.state.pool.acquire() as connection:
        rows = await accounts.reviews(connection, enterprise_id, start, page.limit + 1)
    return json_response(
        page.listing(rows, _review, lambda row: (row["subject"], row["event_key"].hex()))
    )


def _sums(row: Any) -> dict[str, Any]:
    enterprises, covered = row["enterprises"], row["covered"]
    return {
        "enterprises": enterprises,
        "with_account": covered,
        "coverage": ratio_text(Fraction(covered, enterprises)) if enterprises else None,
    } | _tonnes(row["energy_mg"], row["process_mg"], row["avoided_mg"], row["pv_mg"])


def _tonnes(energy: int, process: int, avoided: int, pv: int) -> dict[str, str]:
    return {
        "energy_t": tonnes_text(energy),
        "process_t": tonnes_text(process),
        "avoided_t": tonnes_text(avoided),
        "total_t": tonnes_text(energy + process - avoided),
        "avoided_pv_t": tonnes_text(pv),
    }


def _review(row: Any) -> dict[str, Any]:
    return {
        "enterprise_id": row["subject"],
        "event": {"source": row["source"], "id": row["event_id"]},
        "about": row["slot"],
        "reason": row["reason"],
        "detail": row["detail"],
        "state": row["state"],
        "opened_at": row["opened_at"].isoformat(),
    }
