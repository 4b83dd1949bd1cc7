"""Days on which a line or the enterprise ran above its usual band."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.industrial.api.accounts import Reader, account_of
from services.industrial.api.parameters import EnterpriseId
from services.industrial.domain.bands import reason
from services.industrial.store import warnings as store
from services.industrial.store.warnings import ToldDay
from shared.auth.principal import require_subject
from shared.http.answers import (
    NOT_FOUND,
    Answer,
    Day,
    DecimalText,
    Instant,
    Listing,
    Wording,
    answers,
    sample,
)
from shared.http.app import json_response
from shared.http.paging import Page, paging
from shared.units.amount import decimal_text

router = APIRouter(prefix="/v1/enterprises/{id}", tags=["comparisons"])


class WarningShown(Answer, frozen=True, kw_only=True):
    """A day above the upper edge `band` of what is usual (`median` of `days` such weekdays)."""

    day: Day
    asset_id: Annotated[str, sample("line-1")] | None
    carrier: Annotated[str, sample("electricity")]
    unit: Annotated[str, sample("kWh")]
    value: DecimalText
    median: DecimalText
    band: DecimalText
    days: int
    reason: Wording
    told_at: Instant


@router.get(
    "/warnings",
    summary="Days above the usual band, the newest first",
    responses=answers(Listing[WarningShown], NOT_FOUND),
)
async def get_warnings(
    request: Request, id: EnterpriseId, who: Reader, page: Annotated[Page, Depends(paging)]
) -> Response:
    require_subject(who, id)
    after = page.after(tuple[date, str, str]) or store.START
    async with request.app.state.pool.acquire() as connection:
        _, account = await account_of(connection, id)
        rows = await store.warnings(connection, account, after, page.limit + 1)
    return json_response(page.listing(rows, _shown, _cursor))


def _shown(row: ToldDay) -> WarningShown:
    return WarningShown(
        day=row.day.isoformat(),
        asset_id=row.asset_id or None,
        carrier=row.carrier,
        unit=row.unit,
        value=decimal_text(round(row.value, 6)),
        median=decimal_text(round(row.median, 6)),
        band=decimal_text(round(row.band, 6)),
        days=row.days,
        reason=Wording(**reason(row)),
        told_at=row.told_at.isoformat(),
    )


def _cursor(row: ToldDay) -> store.Cursor:
    return row.day, row.asset_id, row.carrier
