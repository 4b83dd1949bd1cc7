"""What meters may measure and activities may be called, with the figures behind them."""

from typing import Annotated, Any, get_args

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from services.industrial.api.fuels import factor_fields
from services.industrial.domain.entries import decimal_of
from services.industrial.domain.fuels import MEASURABLE
from shared.auth.principal import Principal, require
from shared.http.app import json_response
from shared.http.problems import invalid
from shared.methodology import CARRIERS, Activity, Carrier, MissingFigure, methodology
from shared.methodology.rows import Sector
from shared.units.amount import decimal_text

SECTORS = get_args(Sector)
POWER = ("electricity", "exported_electricity", "pv_generation")

Reader = Annotated[Principal, Depends(require("industrial:read"))]
router = APIRouter(prefix="/v1", tags=["catalogue"])


@router.get("/activities", summary="Process activities, with the shares that each takes")
async def get_activities(
    who: Reader,
    sector: Annotated[str | None, Query(description=f"One of {', '.join(SECTORS)}")] = None,
) -> Response:
    if sector is not None and sector not in SECTORS:
        raise invalid("/query/sector", f"one of: {', '.join(SECTORS)}", "invalid-parameter")
    items = [_activity(name) for name in methodology().activities()]
    wanted = {sector, "any"}
    found = [one for one in items if sector is None or wanted & set(one["sectors"])]
    return json_response({"gwp_set": methodology().gwp_set, "items": found, "next": None})


@router.get("/carriers", summary="What a meter may measure, in which units, and the figures")
async def get_carriers(who: Reader) -> Response:
    return json_response({"items": [_carrier(c) for c in CARRIERS.values()], "next": None})


def _activity(name: str) -> dict[str, Any]:
    try:
        return _computed(methodology().activity(name))
    except MissingFigure as missing:
        row = methodology().activity_row(name)
        return {
            "name": name,
            "name_en": row.name_en,
            "name_zh": row.name_zh,
            "sectors": list(row.sectors),
            "gas": row.gas,
            "factor": None,
            "refused": str(missing),
        }


def _computed(activity: Activity) -> dict[str, Any]:
    return {
        "name": activity.name,
        "name_en": activity.name_en,
        "name_zh": activity.name_zh,
        "sectors": list(activity.sectors),
        "category": activity.bucket,
        "gas": activity.gas,
        "units": list(activity.factor.units),
        "takes_purity": activity.takes_purity,
        "needs_share": activity.needs_share,
        "contents": {
            share: decimal_text(decimal_of(per_t, 20)) for share, per_t in activity.contents.items()
        },
        "scales": dict(activity.scales),
        "factor": factor_fields(activity.factor),
    }


def _carrier(carrier: Carrier) -> dict[str, Any]:
    return {
        "name": carrier.name,
        "name_en": carrier.name_en,
        "name_zh": carrier.name_zh,
        "kind": carrier.kind,
        "sign": carrier.sign,
        "units": list(carrier.units),
        "measurable": carrier.name in MEASURABLE,
        "factors": [
            factor_fields(figure)
            for figure in methodology().figures()
            if _belongs(figure.id, carrier)
        ],
    }


def _belongs(id: str, carrier: Carrier) -> bool:
    if carrier.name in POWER:
        return id.startswith("grid.")
    if carrier.kind == "fuel":
        return id == f"fuel.{carrier.name}"
    return id == carrier.kind.removeprefix("exported_")
