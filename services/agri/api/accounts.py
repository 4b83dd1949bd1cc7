"""What a farm neutralised and emitted, and what says so."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from fractions import Fraction
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.agri import handler
from services.agri.api.reading import Reader, Year, six_places, today, tonnes, versions_of
from services.agri.domain import straw
from services.agri.domain.account import Totals
from services.agri.domain.farms import TYPE_NAMES, Version, in_year
from services.agri.domain.origins import Origin, origin
from services.agri.domain.size import Size
from services.agri.store import accounts
from shared.auth.principal import require_subject
from shared.database import Connection
from shared.http.app import json_response
from shared.http.paging import Page, paging
from shared.stream.accounts import find
from shared.units.amount import MG_PER_T, decimal_text, ratio_text, tonnes_text

router = APIRouter(prefix="/v1/farms/{farm_id}", tags=["accounts"])


@router.get("/account", summary="What a farm neutralised and emitted in a year")
async def get_account(request: Request, farm_id: str, who: Reader, year: Year = None) -> Response:
    require_subject(who, farm_id)
    state = request.app.state
    async with (
        state.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        versions = await versions_of(connection, farm_id)
        account = await find(connection, farm_id)
        wanted = year or await _latest_year(connection, account, today(request))
        answer = _account(farm_id, wanted, versions)
        if account is not None:
            answer |= await _figures(connection, account, wanted)
    return json_response(answer)


@router.get("/entries", summary="Ledger entries, each with its lineage")
async def get_entries(
    request: Request,
    farm_id: str,
    who: Reader,
    page: Annotated[Page, Depends(paging)],
    year: Year = None,
) -> Response:
    require_subject(who, farm_id)
    after = page.after(tuple[int, str, int])
    start = (after[0], _key(after[1]), after[2]) if after else None

    def read(connection: Connection, account: int) -> Awaitable[Sequence[Any]]:
        return accounts.entries(connection, account, year, start, page.limit + 1)

    rows = await _rows(request, farm_id, read)
    return json_response(page.listing(rows, _entry, _cursor))


@router.get("/documents", summary="What records name as evidence, each with its records")
async def get_documents(
    request: Request,
    farm_id: str,
    who: Reader,
    page: Annotated[Page, Depends(paging)],
    year: Year = None,
) -> Response:
    """`replaced` marks a record that no longer counts."""
    require_subject(who, farm_id)
    after = page.after(tuple[date, str])
    start = (after[0], _key(after[1])) if after else None

    def read(connection: Connection, account: int) -> Awaitable[Sequence[Any]]:
        return accounts.documents(connection, account, year, start, page.limit + 1)

    rows = await _rows(request, farm_id, read)
    return json_response(page.listing(rows, _document, _document_cursor))


async def _rows(
    request: Request,
    farm_id: str,
    read: Callable[[Connection, int], Awaitable[Sequence[Any]]],
) -> Sequence[Any]:
    """A list of a registered farm's account; empty before its first record."""
    async with request.app.state.pool.acquire() as connection:
        await versions_of(connection, farm_id)
        account = await find(connection, farm_id)
        return () if account is None else await read(connection, account)


async def _latest_year(connection: Connection, account: int | None, on: date) -> int:
    found = None if account is None else await accounts.latest_year(connection, account)
    return on.year if found is None else found


async def _figures(connection: Connection, account: int, year: int) -> dict[str, Any]:
    totals = (await accounts.totals_by_year(connection, account, year)).get(year, Totals())
    size = (await accounts.sizes_by_year(connection, account, year)).get(year, Size())
    penalty = straw.paddy_penalty(await accounts.paddy_straw(connection, account, year), year)
    sets = await accounts.factor_sets(connection, account, year)
    records = await accounts.records(connection, account, year)
    return _shown(year, totals, size, penalty, records) | {"factor_sets": sets}


def _account(farm_id: str, year: int, versions: Sequence[Version]) -> dict[str, Any]:
    farm = in_year(versions, year)
    head = {
        "farm_id": farm_id,
        "year": year,
        "type": farm.type,
        "type_name": TYPE_NAMES[farm.type],
        "district": farm.district,
    }
    return head | _shown(year, Totals(), Size(), 0, (0, 0)) | {"factor_sets": []}


def _shown(
    year: int, totals: Totals, size: Size, penalty: int, records: tuple[int, int]
) -> dict[str, Any]:
    """The figures of a year; intensities per hectare and per head of the average herd."""
    heads = size.heads(year)
    count, with_evidence = records
    return {
        **tonnes(totals),
        "paddy_penalty_t": tonnes_text(penalty),
        "area_ha": decimal_text(handler.exact_decimal(size.area_ha)),
        "heads": ratio_text(heads),
        "intensity": {
            "gross_t_per_ha": _per(totals.gross, size.area_ha),
            "gross_t_per_head": _per(totals.gross, heads),
            "neutralised_t_per_ha": _per(totals.neutralised, size.area_ha),
            "neutralised_t_per_100_heads": _per(totals.neutralised, heads / 100),
        },
        "quality": {
            "records": count,
            "with_evidence": with_evidence,
            "evidence_share": six_places(with_evidence, count),
        },
    }


def _per(mg: int, by: Fraction) -> str | None:
    """Tonnes per unit; null where nothing was posted or there is nothing to divide by."""
    return six_places(Fraction(mg, MG_PER_T), by) if mg else None


def _entry(row: Any) -> dict[str, Any]:
    figure = origin(row["rule"], row["factor_set"], row["factor_version"], row["starts"])
    return {
        "event": {"source": row["source"], "id": row["event_id"]},
        "line": row["line"],
        "year": row["year"],
        "month": row["month"].strftime("%Y-%m"),
        "pathway": row["pathway"],
        "parcel_id": row["parcel_id"],
        "quantity": decimal_text(row["quantity"]),
        "unit": row["unit"],
        "factor_mg_per_unit": decimal_text(row["factor"]),
        "factor_set": row["factor_set"],
        "factor_version": row["factor_version"],
        "factor_source": figure and figure.source,
        "factor_confidence": figure and figure.confidence,
        "fallback": figure is not None and figure.fallback,
        "warning": _warning(figure),
        "rule": row["rule"],
        "amount_t": tonnes_text(row["amount_mg"]),
        "evidence": row["evidence"],
        "reverses": row["reverses"],
        "cause": {"source": row["cause_source"], "id": row["cause_id"]},
        "sequence": row["sequence"],
        "posted_at": row["posted_at"].isoformat(),
    }


def _warning(figure: Origin | None) -> dict[str, str | None] | None:
    if figure is None or figure.warning is None:
        return None
    en, zh = figure.warning
    return {"en": en, "zh": zh}


def _document(row: Any) -> dict[str, Any]:
    return {"evidence": row["evidence"], "records": row["records"]}


def _document_cursor(row: Any) -> tuple[date, str]:
    return (row["starts"], row["event_key"].hex())


def _cursor(row: Any) -> tuple[int, str, int]:
    return (row["sequence"], row["event_key"].hex(), row["line"])


def _key(text: str) -> bytes:
    return bytes.fromhex(text)
