"""HTTP: what the city has saved."""

from fractions import Fraction
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from services.personal import city, statements
from services.personal.api import wording
from services.personal.city import Group, Sum
from shared.auth.principal import Principal, require
from shared.database import Pool
from shared.http.app import json_response
from shared.methodology import methodology
from shared.units.amount import grams_text, ratio_text, tonnes_text

router = APIRouter()


@router.get("/v1/region/summary", summary="Customers, tonnes and trees of the city")
async def region(
    request: Request,
    who: Annotated[Principal, Depends(require("personal:read"))],
    year: Annotated[int | None, Query(ge=1990, le=2100)] = None,
) -> Response:
    pool: Pool = request.app.state.pool
    async with pool.acquire() as connection, connection.transaction(**statements.SNAPSHOT):
        found = await city.summary(connection, year)
    residents = methodology().region().residents
    total = found.total.amount_mg
    return json_response(
        {
            "year": year,
            "customers": found.customers,
            "residents": residents,
            "share_of_residents": ratio_text(Fraction(found.customers, residents)),
            "reduction_t": tonnes_text(total),
            "trees": wording.trees(total),
            "payments": found.total.payments,
            "scenarios": [
                {**wording.named(number), **_sum(own)}
                for number, own in sorted(found.scenarios.items())
            ],
            "months": [
                {"month": wording.month(month), **_sum(own)}
                for month, own in sorted(found.months.items())
            ],
            "banks": [_bank(group) for group in found.banks],
        }
    )


def _sum(own: Sum) -> dict[str, Any]:
    return {"reduction_g": grams_text(own.amount_mg), "payments": own.payments}


def _bank(group: Group) -> dict[str, Any]:
    """A bank by its prefix; the smaller ones together have none."""
    names = {} if group.bank else {"name": "others", "name_zh": "其他"}
    return {
        "bank": group.bank,
        **names,
        "customers": group.customers,
        "reduction_t": tonnes_text(group.amount_mg),
        "trees": wording.trees(group.amount_mg),
    }
