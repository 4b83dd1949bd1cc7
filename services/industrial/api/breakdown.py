"""A year by asset, carrier and month; lines beside their best month and the sector's benchmark."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from services.industrial.api.accounts import Reader, account_of, latest_year
from services.industrial.api.parameters import EnterpriseId, YearQuery
from services.industrial.domain.breakdown import Key, Part, Sums, parts_of, rolled_up
from services.industrial.domain.lines import Line, LineMonth, best_month
from services.industrial.domain.posted import lines_with_costs
from services.industrial.domain.registry import Asset, Enterprise, on_date
from services.industrial.domain.tariffs import Tariffs
from services.industrial.store import comparisons
from shared.auth.principal import require_subject
from shared.http.answers import (
    NOT_FOUND,
    Answer,
    DecimalText,
    Listing,
    Month,
    Ratio,
    Tonnes,
    Year,
    answers,
    one_of,
    sample,
)
from shared.http.app import json_response
from shared.http.city import today
from shared.http.client import Unavailable, ask
from shared.http.problems import invalid
from shared.units.amount import decimal_text, ratio_text, tonnes_text
from shared.units.quantity import UnitError, convert, output_unit

DIMENSIONS = ("asset", "carrier", "month")
_ANY = f"({'|'.join(DIMENSIONS)})"
BENCHMARK = {"sector": "1495", "year": 2026, "benchmark": "1.2", "unit": "t"}
router = APIRouter(prefix="/v1/enterprises/{id}", tags=["comparisons"])

AssetName = Annotated[str, sample("line-1")]
CarrierName = Annotated[str, sample("electricity")]
Unit = Annotated[str, sample("kWh")]


class AssetBrief(Answer, frozen=True, kw_only=True):
    kind: Annotated[str, one_of(("site", "line", "device"))]
    name: Annotated[str, sample("Line 1")]
    parent: Annotated[str, sample("site-1")] | None


class FiguresShown(Answer, frozen=True, kw_only=True):
    """`quantity` only where it is of one carrier."""

    quantity: DecimalText | UnsetType = UNSET
    energy_t: Tonnes
    process_t: Tonnes
    avoided_t: Tonnes
    total_t: Tonnes
    avoided_pv_t: Tonnes


class PartShown(FiguresShown, frozen=True, kw_only=True):
    """With the fields of what was asked for; `with_parts`: of all that hangs on an asset too."""

    asset_id: AssetName | UnsetType | None = UNSET
    asset: AssetBrief | UnsetType | None = UNSET
    carrier: CarrierName | UnsetType | None = UNSET
    unit: Unit | UnsetType | None = UNSET
    month: Month | UnsetType = UNSET
    with_parts: FiguresShown | UnsetType = UNSET


class LineMonthShown(Answer, frozen=True, kw_only=True):
    month: Month
    output: Ratio
    total_t: Tonnes
    intensity: Ratio


class LineShown(Answer, frozen=True, kw_only=True):
    """An asset with production reports, beside its best month and the sector's benchmark: its
    intensity over theirs. Without a month that is over and has readings and reports of its own (none
    over more than two) there is no best one."""

    asset_id: AssetName
    asset: AssetBrief | None
    product: Annotated[str, sample("xylitol")]
    product_unit: Annotated[str, sample("t")]
    output: Ratio
    total_t: Tonnes
    intensity: Ratio
    months: list[LineMonthShown]
    best_month: LineMonthShown | None
    to_best_month: Ratio | None
    to_benchmark: Ratio | None


class Breakdown(Listing[PartShown], frozen=True, kw_only=True):
    """`lines`, `benchmark` (as grading answers it), `partial` and `missing` only by asset."""

    enterprise_id: Annotated[str, sample("91330800704205947U")]
    year: Year
    lines: list[LineShown] | UnsetType = UNSET
    benchmark: Annotated[dict[str, Any], sample(BENCHMARK)] | UnsetType | None = UNSET
    partial: bool | UnsetType = UNSET
    missing: list[Literal["benchmark"]] | UnsetType = UNSET


@router.get(
    "/breakdown",
    summary="A year by asset, carrier and month; lines compared",
    responses=answers(Breakdown, NOT_FOUND),
)
async def get_breakdown(
    request: Request,
    id: EnterpriseId,
    who: Reader,
    year: YearQuery = None,
    by: Annotated[
        str,
        Query(
            description="Any of asset, carrier, month, with commas",
            examples=["asset,month"],
            json_schema_extra={"pattern": f"^{_ANY}(,{_ANY})*$"},
        ),
    ] = "carrier",
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
        posted = comparisons.compared if by_asset else comparisons.posted
        rows = await posted(connection, account, first, until)
    tree, kinds = comparisons.parents(assets), comparisons.kinds(assets)
    parts = rolled_up(parts_of(rows, dimensions), tree)
    compared: dict[str, Any] = {}
    if by_asset:
        lines = lines_with_costs(rows, tree, kinds, Tariffs())
        compared = await _compared(request, on_date(versions, _end(wanted)), wanted, lines, assets)
    items = [_shown(key, part, dimensions, assets) for key, part in parts.items()]
    return json_response(
        Breakdown(enterprise_id=id, year=wanted, items=items, next=None, **compared)
    )


async def _compared(
    request: Request,
    enterprise: Enterprise,
    year: int,
    lines: Sequence[Line],
    assets: Mapping[str, Asset],
) -> dict[str, Any]:
    benchmark, missing, day = None, list[str](), today(request)
    if lines:
        try:
            benchmark = await _benchmark(request, enterprise, year)
        except Unavailable:
            missing = ["benchmark"]
    return {
        "lines": [_line(line, assets.get(line.asset_id), benchmark, day) for line in lines],
        "benchmark": benchmark,
        "partial": bool(missing),
        "missing": missing,
    }


async def _benchmark(request: Request, enterprise: Enterprise, year: int) -> Any:
    """The sector's benchmark as grading answers it; None when there is none."""
    url = request.app.state.settings.tanzhang_grading_url
    path = f"/v1/benchmarks/{quote(enterprise.sector)}/{year}"
    return await ask(request, url, path, product=enterprise.product)


def _end(year: int) -> date:
    return date(year, 12, 31)


def _shown(
    key: Key, part: Part, dimensions: Sequence[str], assets: Mapping[str, Asset]
) -> PartShown:
    shown: dict[str, Any] = {}
    quantified = "carrier" in dimensions
    if "asset" in dimensions:
        shown |= {"asset_id": key.asset_id, "asset": _asset(assets.get(key.asset_id or ""))}
        shown["with_parts"] = FiguresShown(**_figures(part.whole, quantified))
    if quantified:
        shown |= {"carrier": key.carrier, "unit": key.unit}
    if key.month is not None:
        shown["month"] = key.month.strftime("%Y-%m")
    return PartShown(**shown, **_figures(part.own, quantified))


def _figures(sums: Sums, quantified: bool) -> dict[str, Any]:
    quantity = {"quantity": decimal_text(sums.quantity)} if quantified else {}
    return quantity | {
        "energy_t": tonnes_text(sums.energy_mg),
        "process_t": tonnes_text(sums.process_mg),
        "avoided_t": tonnes_text(sums.avoided_mg),
        "total_t": tonnes_text(sums.total_mg),
        "avoided_pv_t": tonnes_text(sums.pv_mg),
    }


def _asset(asset: Asset | None) -> AssetBrief | None:
    if asset is None:
        return None
    return AssetBrief(kind=asset.kind, name=asset.name, parent=asset.parent)


def _line(line: Line, asset: Asset | None, benchmark: Any, today: date) -> LineShown:
    best = best_month(line, today)
    return LineShown(
        asset_id=line.asset_id,
        asset=_asset(asset),
        product=line.product,
        product_unit=line.unit,
        output=ratio_text(line.output),
        total_t=tonnes_text(line.amount_mg),
        intensity=ratio_text(line.intensity),
        months=[_month(month) for month in line.months],
        best_month=_month(best) if best else None,
        to_best_month=_over(line.intensity, best.intensity) if best else None,
        to_benchmark=_over(line.intensity, _value(benchmark, line)),
    )


def _value(benchmark: Any, line: Line) -> Fraction | None:
    """The benchmark per unit of the line; None if it is of another product or does not convert."""
    if benchmark is None or benchmark["product"] != line.product:
        return None
    value, per = Fraction(Decimal(benchmark["benchmark"])), output_unit(benchmark["unit"])
    try:
        return value if per == line.unit else value * convert(1, line.unit, per)
    except UnitError:
        return None


def _over(intensity: Fraction, other: Fraction | None) -> str | None:
    """One intensity over another; None when there is none to divide by."""
    return ratio_text(intensity / other) if other else None


def _month(month: LineMonth) -> LineMonthShown:
    return LineMonthShown(
        month=month.month.strftime("%Y-%m"),
        output=ratio_text(month.output),
        total_t=tonnes_text(month.amount_mg),
        intensity=ratio_text(month.intensity),
    )
