"""A year by asset, carrier and month; lines beside their best month and the sector's benchmark."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.industrial.api.accounts import Reader, YearQuery, account_of, latest_year
from services.industrial.domain.breakdown import Key, Part, Sums, parts_of, rolled_up
from services.industrial.domain.lines import Line, LineMonth, best_month
from services.industrial.domain.posted import lines_with_costs
from services.industrial.domain.registry import Asset, Enterprise, on_date
from services.industrial.domain.tariffs import Tariffs
from services.industrial.store import comparisons
from shared.auth.principal import require_subject
from shared.http.app import json_response
from shared.http.client import Unavailable, ask
from shared.http.problems import invalid
from shared.units.amount import decimal_text, ratio_text, tonnes_text

DIMENSIONS = ("asset", "carrier", "month")
router = APIRouter(prefix="/v1/enterprises/{id}", tags=["comparisons"])


@router.get("/breakdown", summary="A year by asset, carrier and month; lines compared")
async def get_breakdown(
    request: Request,
    id: str,
    who: Reader,
    year: YearQuery = None,
    by: Annotated[str, Query(description="Any of asset, carrier, month, with commas")] = "carrier",
) -> Response:
    """Each part's own figures sum to the enterprise. By asset, `with_parts` has those of all that
    hangs on it too, and `lines` every asset with production reports; without an answer of grading
    `partial` is true and `missing` names the benchmark."""
    require_subject(who, id)
    dimensions = by.split(",")
    if not set(dimensions) <= set(DIMENSIONS):
        raise invalid("/query/by", f"any of: {', '.join(DIMENSIONS)}", "invalid-parameter")
    async with request.app.state.pool.acquire() as connection:
        versions, account = await account_of(connection, id)
        wanted = year or await latest_year(connection, account, request)
        by_asset = "asset" in dimensions
        assets = await comparisons.assets(connection, id, _end(wanted)) if by_asset else {}
        first, until = date(wanted, 1, 1), date(wanted + 1, 1, 1)
        rows = await comparisons.posted(connection, account, first, until)
    tree, kinds = comparisons.parents(assets), comparisons.kinds(assets)
    parts = rolled_up(parts_of(rows, dimensions), tree)
    answer = {
        "enterprise_id": id,
        "year": wanted,
        "items": [_shown(key, part, dimensions, assets) for key, part in parts.items()],
        "next": None,
    }
    if by_asset:
        lines = lines_with_costs(rows, tree, kinds, Tariffs())
        answer |= await _compared(request, on_date(versions, _end(wanted)), wanted, lines, assets)
    return json_response(answer)


async def _compared(
    request: Request,
    enterprise: Enterprise,
    year: int,
    lines: Sequence[Line],
    assets: Mapping[str, Asset],
) -> dict[str, Any]:
    benchmark, missing = None, list[str]()
    if lines:
        try:
            benchmark = await _benchmark(request, enterprise, year)
        except Unavailable:
            missing = ["benchmark"]
    return {
        "lines": [_line(line, assets.get(line.asset_id), benchmark) for line in lines],
        "benchmark": benchmark,
        "partial": bool(missing),
        "missing": missing,
    }


async def _benchmark(request: Request, enterprise: Enterprise, year: int) -> Any:
    """The sector's benchmark as grading answers it; None when there is none."""
    settings = request.app.state.settings
    scheme, _, own = request.headers.get("authorization", "").partition(" ")
    token = settings.tanzhang_service_token or (own if scheme.lower() == "bearer" else None)
    path = f"/v1/benchmarks/{quote(enterprise.sector)}/{year}"
    params: dict[str, str | int] = {"product": enterprise.product}
    return await ask(settings.tanzhang_grading_url, path, token, params=params)


def _end(year: int) -> date:
    return date(year, 12, 31)


def _shown(
    key: Key, part: Part, dimensions: Sequence[str], assets: Mapping[str, Asset]
) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    quantified = "carrier" in dimensions
    if "asset" in dimensions:
        shown |= {"asset_id": key.asset_id, "asset": _asset(assets.get(key.asset_id or ""))}
    if quantified:
        shown |= {"carrier": key.carrier, "unit": key.unit}
    if key.month is not None:
        shown["month"] = key.month.strftime("%Y-%m")
    shown |= _figures(part.own, quantified)
    if "asset" in dimensions:
        shown["with_parts"] = _figures(part.whole, quantified)
    return shown


def _figures(sums: Sums, quantified: bool) -> dict[str, str]:
    quantity = {"quantity": decimal_text(sums.quantity)} if quantified else {}
    return quantity | {
        "energy_t": tonnes_text(sums.energy_mg),
        "process_t": tonnes_text(sums.process_mg),
        "avoided_t": tonnes_text(sums.avoided_mg),
        "total_t": tonnes_text(sums.total_mg),
        "avoided_pv_t": tonnes_text(sums.pv_mg),
    }


def _asset(asset: Asset | None) -> dict[str, str | None] | None:
    if asset is None:
        return None
    return {"kind": asset.kind, "name": asset.name, "parent": asset.parent}


def _line(line: Line, asset: Asset | None, benchmark: Any) -> dict[str, Any]:
    best = best_month(line)
    return {
        "asset_id": line.asset_id,
        "asset": _asset(asset),
        "product": line.product,
        "product_unit": line.unit,
        "output": ratio_text(line.output),
        "total_t": tonnes_text(line.amount_mg),
        "intensity": ratio_text(line.intensity),
        "months": [_month(month) for month in line.months],
        "best_month": _month(best),
        "to_best_month": _over(line.intensity, best.intensity),
        "to_benchmark": _over(line.intensity, _value(benchmark, line)),
    }


def _value(benchmark: Any, line: Line) -> Fraction | None:
    """The benchmark if it is one of the line's unit."""
    if benchmark is None or benchmark["unit"] != line.unit:
        return None
    return Fraction(Decimal(benchmark["benchmark"]))


def _over(intensity: Fraction, other: Fraction | None) -> str | None:
    """One intensity over another; None when there is none to divide by."""
    return ratio_text(intensity / other) if other else None


def _month(month: LineMonth) -> dict[str, str]:
    return {
        "month": month.month.strftime("%Y-%m"),
        "output": ratio_text(month.output),
        "total_t": tonnes_text(month.amount_mg),
        "intensity": ratio_text(month.intensity),
    }
