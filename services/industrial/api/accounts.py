"""Accounts of enterprises: the year and its entries."""

from datetime import date
from fractions import Fraction
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from msgspec import Meta
from starlette.responses import Response

from services.industrial.api.lineage import EntryShown, lineage_of, shown
from services.industrial.api.parameters import EnterpriseId, YearQuery
from services.industrial.domain.registry import Enterprise, on_date
from services.industrial.domain.years import Year as Sums
from services.industrial.store import accounts, registry
from shared.auth.principal import Principal, require, require_subject
from shared.database import Connection
from shared.http.answers import (
    NOT_FOUND,
    Answer,
    DecimalText,
    Listing,
    Ratio,
    Tonnes,
    Year,
    answers,
    sample,
)
from shared.http.app import json_response
from shared.http.city import today, zone_of
from shared.http.paging import Page, paging
from shared.http.problems import not_found
from shared.stream.accounts import find
from shared.units.amount import decimal_text, ratio_text, tonnes_text

Reader = Annotated[Principal, Depends(require("industrial:read"))]
router = APIRouter(prefix="/v1/enterprises/{id}", tags=["accounts"])


class AccountShown(Answer, frozen=True, kw_only=True):
    """A year of an enterprise: total = energy + process - avoided; `avoided_pv_t` is a memo.

    `intensity` is total over output. `quality` and `measured_share` are shares of the emissions by
    energy that was used: by quality of the data, and computed with measured properties of fuels.
    """

    enterprise_id: Annotated[str, sample("91330800704205947U")]
    year: Year
    sector: Annotated[str, sample("1495")]
    district: Annotated[str, sample("开化县")]
    energy_t: Tonnes
    process_t: Tonnes
    avoided_t: Tonnes
    total_t: Tonnes
    avoided_pv_t: Tonnes
    product: Annotated[str, sample("xylitol")]
    output: DecimalText
    product_unit: Annotated[str, sample("t")]
    value_added_1e4cny: DecimalText
    intensity: Ratio | None
    months_energy: Annotated[int, Meta(ge=0, le=12)]
    months_output: Annotated[int, Meta(ge=0, le=12)]
    factor_sets: list[Annotated[str, sample("grid@2023")]]
    quality: dict[Annotated[str, sample("actual")], Ratio]
    measured_share: Ratio | None


@router.get(
    "/account",
    summary="What an enterprise emitted in a year, and its intensity",
    responses=answers(AccountShown, NOT_FOUND),
)
async def get_account(
    request: Request, id: EnterpriseId, who: Reader, year: YearQuery = None
) -> Response:
    require_subject(who, id)
    async with (
        request.app.state.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        versions, account = await account_of(connection, id)
        wanted = year or await latest_year(connection, account, request)
        sums = await accounts.sums_of(connection, account, wanted)
    return json_response(_sums(on_date(versions, date(wanted, 12, 31)), wanted, sums))


@router.get(
    "/entries",
    summary="Every entry with its lineage",
    responses=answers(Listing[EntryShown], NOT_FOUND),
)
async def get_entries(
    request: Request,
    id: EnterpriseId,
    who: Reader,
    page: Annotated[Page, Depends(paging)],
    year: YearQuery = None,
) -> Response:
    require_subject(who, id)
    after = page.after(tuple[date, str, int])
    start = (after[0], bytes.fromhex(after[1]), after[2]) if after else accounts.START
    async with request.app.state.pool.acquire() as connection:
        versions, account = await account_of(connection, id)
        rows = await accounts.entries(connection, account, year, start, page.limit + 1)
        lineage = await lineage_of(connection, versions, rows, zone_of(request))
    return json_response(page.listing(rows, lambda row: shown(row, lineage), _cursor))


async def account_of(connection: Connection, id: str) -> tuple[list[Enterprise], int]:
    """The versions of an enterprise and its account number (0: none, no sums yet)."""
    versions = (await registry.enterprises_of(connection, [id])).get(id)
    if not versions:
        raise not_found("enterprise", id)
    return versions, await find(connection, id) or 0


async def latest_year(connection: Connection, account: int, request: Request) -> int:
    """The last year with sums, else this one."""
    years = await accounts.years_of(connection, account)
    return max(years, default=today(request).year)


def _sums(enterprise: Enterprise, year: int, sums: Sums) -> AccountShown:
    intensity = Fraction(sums.total_mg, 10**9) / Fraction(sums.output) if sums.output else None
    measured = sums.measured_share()
    return AccountShown(
        enterprise_id=enterprise.id,
        year=year,
        sector=enterprise.sector,
        district=enterprise.district,
        energy_t=tonnes_text(sums.energy_mg),
        process_t=tonnes_text(sums.process_mg),
        avoided_t=tonnes_text(sums.avoided_mg),
        total_t=tonnes_text(sums.total_mg),
        avoided_pv_t=tonnes_text(sums.pv_mg),
        product=enterprise.product,
        output=decimal_text(sums.output),
        product_unit=enterprise.product_unit,
        value_added_1e4cny=decimal_text(sums.value_added),
        intensity=None if intensity is None else ratio_text(intensity),
        months_energy=sums.months_energy,
        months_output=sums.months_output,
        factor_sets=sums.standing_sets(),
        quality={name: ratio_text(share) for name, share in sums.quality().items()},
        measured_share=None if measured is None else ratio_text(measured),
    )


def _cursor(row: Any) -> tuple[date, str, int]:
    return row["month"], row["event_key"].hex(), row["line"]
