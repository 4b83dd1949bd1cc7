"""The region's totals, and how much of the city has an account."""

from fractions import Fraction
from typing import Annotated, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.agri.api.reading import Neutralised, Reader, YearQuery, six_places, tonnes
from services.agri.domain.account import Totals
from services.agri.domain.coverage import parse
from services.agri.domain.farms import TYPE_NAMES
from services.agri.store import accounts
from shared.http.answers import Answer, Ratio, Wording, Year, answers, sample
from shared.http.app import json_response
from shared.http.city import today
from shared.methodology import methodology
from shared.units.amount import ratio_text

router = APIRouter(prefix="/v1", tags=["region"])


class FarmTotals(Neutralised, frozen=True, kw_only=True):
    """`coverage` is of the registered farms the share with an account in the year."""

    farms: int
    with_account: int
    coverage: Ratio | None


class CityShares(Answer, frozen=True, kw_only=True):
    """How many farms the city has (a setting, null without it), and the shares of these."""

    farms: int | None
    registered: Ratio | None
    coverage: Ratio | None
    published_coverage: Ratio


class TypeTotals(FarmTotals, frozen=True, kw_only=True):
    name: Wording
    city: CityShares


class FarmsSummary(FarmTotals, frozen=True, kw_only=True):
    year: Year
    by_type: dict[Annotated[str, sample("planting")], TypeTotals]
    by_district: dict[Annotated[str, sample("kaihua")], FarmTotals]


@router.get(
    "/region/summary",
    summary="Totals and coverage by farm type and district",
    responses=answers(FarmsSummary),
)
async def get_region(request: Request, who: Reader, year: YearQuery = None) -> Response:
    """By type also `city`: how many farms the city has (a setting, null without it), of these the
    shares that are registered and that have an account, and the share published for the first
    accounts of the model city.
    """
    state = request.app.state
    wanted = year or today(request).year
    async with state.pool.acquire() as connection:
        rows = await accounts.region(connection, wanted)
    sums = {(row["type"], row["district"]): row for row in rows}
    farms = parse(state.settings.tanzhang_farm_totals)
    by_type: dict[str, TypeTotals] = {
        kind: TypeTotals(name=Wording(**name), **_sums(row), city=_city(kind, row, farms.get(kind)))
        for kind, name in TYPE_NAMES.items()
        for row in [sums.get((kind, None), NONE)]
    }
    by_district = {
        place: FarmTotals(**_sums(row)) for (_, place), row in sums.items() if place is not None
    }
    return json_response(
        FarmsSummary(
            year=wanted,
            **_sums(sums[(None, None)]),
            by_type=by_type,
            by_district=by_district,
        )
    )


NONE = {"farms": 0, "covered": 0, "straw": 0, "soil": 0, "manure": 0, "gross": 0}


def _sums(row: Any) -> dict[str, Any]:
    totals = Totals(row["straw"], row["soil"], row["manure"], row["gross"])
    farms, covered = row["farms"], row["covered"]
    coverage = six_places(covered, farms)
    return {"farms": farms, "with_account": covered, "coverage": coverage} | tonnes(totals)


def _city(kind: str, row: Any, farms: int | None) -> CityShares:
    published = methodology().farm_types()[kind].published_coverage
    return CityShares(
        farms=farms,
        registered=six_places(row["farms"], farms or 0),
        coverage=six_places(row["covered"], farms or 0),
        published_coverage=ratio_text(Fraction(published)),
    )
