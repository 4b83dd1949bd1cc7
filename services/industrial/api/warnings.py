"""Days on which a line or the enterprise ran above its usual band."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.industrial.api.accounts import Reader, account_of
from services.industrial.domain.bands import reason
from services.industrial.store import warnings as store
from services.industrial.store.warnings import ToldDay
from shared.auth.principal import require_subject
from shared.http.app import json_response
from shared.http.paging import Page, paging
from shared.units.amount import decimal_text

router = APIRouter(prefix="/v1/enterprises/{id}", tags=["comparisons"])


@router.get("/warnings", summary="Days above the usual band, the newest first")
async def get_warnings(
    request: Request, id: str, who: Reader, page: Annotated[Page, Depends(paging)]
) -> Response:
    require_subject(who, id)
    after = page.after(tuple[date, str, str]) or store.START
    async with request.app.state.pool.acquire() as connection:
        _, account = await account_of(connection, id)
        rows = await store.warnings(connection, account, after, page.limit + 1)
    return json_response(page.listing(rows, _shown, _cursor))


def _shown(row: ToldDay) -> dict[str, Any]:
    return {
        "day": row.day.isoformat(),
        "asset_id": row.asset_id or None,
        "carrier": row.carrier,
        "unit": row.unit,
        **{
            name: decimal_text(round(getattr(row, name), 6)) for name in ("value", "median", "band")
        },
        "days": row.days,
        "reason": reason(row),
        "told_at": row.told_at.isoformat(),
    }


def _cursor(row: ToldDay) -> store.Cursor:
    return row.day, row.asset_id, row.carrier
