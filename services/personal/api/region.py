"""HTTP: what the city has saved."""

from fractions import Fraction
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from services.personal import city, statements
from services.personal.api import wording
from services.personal.api.wording import NamedScenario, Trees
from services.personal.city import Group, Sum
from shared.auth.principal import Principal, require
from shared.database import Pool
from shared.http.answers import Answer, Grams, Month, Ratio, Tonnes, answers, sample
from shared.http.app import json_response
from shared.http.parameters import YearAsked
from shared.methodology import methodology
from shared.units.amount import grams_text, ratio_text, tonnes_text

router = APIRouter(tags=["region"])


class CityScenario(NamedScenario, frozen=True, kw_only=True):
    """What a scenario has saved in the city."""

    reduction_g: Grams
    payments: int


class CityMonth(Answer, frozen=True, kw_only=True):
    """What the city has saved in a month."""

    month: Month
    reduction_g: Grams
    payments: int


class Bank(Answer, frozen=True, kw_only=True):
    """The customers of a bank; the smaller banks together have no `bank` but a name."""

    bank: Annotated[str, sample("jsrcb")] | None
    name: Annotated[str, sample("others")] | UnsetType = UNSET
    name_zh: Annotated[str, sample("其他")] | UnsetType = UNSET
    customers: int
    reduction_t: Tonnes
    trees: Trees


class CitySummary(Answer, frozen=True, kw_only=True):
    """What the city has saved, of a year or of all years (`year` null)."""

    year: Annotated[int, sample(2026)] | None
    customers: int
    residents: Annotated[int, sample(2_550_000)]
    share_of_residents: Ratio
    reduction_t: Tonnes
    trees: Trees
    payments: int
    scenarios: list[CityScenario]
    months: list[CityMonth]
    banks: list[Bank]


@router.get(
    "/v1/region/summary",
    summary="Customers, tonnes and trees of the city",
    responses=answers(CitySummary),
)
async def region(
    request: Request,
    who: Annotated[Principal, Depends(require("personal:read"))],
    year: Annotated[
        YearAsked | None,
        Query(description="Of one year; default: all", examples=[2026]),
    ] = None,
) -> Response:
    pool: Pool = request.app.state.pool
    async with pool.acquire() as connection, connection.transaction(**statements.SNAPSHOT):
        found = await city.summary(connection, year)
    residents = methodology().region().residents
    total = found.total.amount_mg
    answer = CitySummary(
        year=year,
        customers=found.customers,
        residents=residents,
        share_of_residents=ratio_text(Fraction(found.customers, residents)),
        reduction_t=tonnes_text(total),
        trees=wording.trees(total),
        payments=found.total.payments,
        scenarios=[
            CityScenario(**wording.named(number), **_sum(own))
            for number, own in sorted(found.scenarios.items())
        ],
        months=[
            CityMonth(month=wording.month(month), **_sum(own))
            for month, own in sorted(found.months.items())
        ],
        banks=[_bank(group) for group in found.banks],
    )
    return json_response(answer)


def _sum(own: Sum) -> dict[str, Any]:
    return {"reduction_g": grams_text(own.amount_mg), "payments": own.payments}


def _bank(group: Group) -> Bank:
    """A bank by its prefix; the smaller ones together have none."""
    return Bank(
        bank=group.bank,
        name=UNSET if group.bank else "others",
        name_zh=UNSET if group.bank else "其他",
        customers=group.customers,
        reduction_t=tonnes_text(group.amount_mg),
        trees=wording.trees(group.amount_mg),
    )
