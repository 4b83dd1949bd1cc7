"""What a farm neutralised and emitted, and what says so."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from fractions import Fraction
from functools import partial
from operator import itemgetter
from typing import Annotated, Any, NamedTuple

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.agri import handler
from services.agri.api.reading import (
    FarmId,
    Neutralised,
    Reader,
    YearQuery,
    six_places,
    tonnes,
    versions_of,
)
from services.agri.domain import straw
from services.agri.domain.account import Totals
from services.agri.domain.farms import TYPE_NAMES, FarmType, Version, in_year
from services.agri.domain.lines import Pathway as LedgerPathway
from services.agri.domain.origins import Origin, origin
from services.agri.domain.size import Size
from services.agri.store import accounts
from shared.auth.principal import require_subject
from shared.database import Connection
from shared.events.meaning import PATHWAYS
from shared.http.answers import (
    NOT_FOUND,
    Answer,
    Day,
    DecimalText,
    EventName,
    Instant,
    Listing,
    Month,
    Ratio,
    Tonnes,
    Warned,
    Wording,
    Year,
    answers,
    one_of,
    sample,
)
from shared.http.app import json_response
from shared.http.city import today
from shared.http.paging import Page, paging
from shared.stream.accounts import find
from shared.units.amount import MG_PER_T, decimal_text, ratio_text, tonnes_text

Pathway = Annotated[str, one_of(PATHWAYS)]
Evidence = Annotated[str, sample("scan/2020-17.pdf")]
router = APIRouter(prefix="/v1/farms/{farm_id}", tags=["accounts"])


class Intensity(Answer, frozen=True, kw_only=True):
    """Tonnes per hectare and per head of the average herd; null without the one or the other."""

    gross_t_per_ha: Ratio | None
    gross_t_per_head: Ratio | None
    neutralised_t_per_ha: Ratio | None
    neutralised_t_per_100_heads: Ratio | None


class Quality(Answer, frozen=True, kw_only=True):
    """How many records stand, and how many of them name their evidence."""

    records: int
    with_evidence: int
    evidence_share: Ratio | None


class FarmAccount(Neutralised, frozen=True, kw_only=True):
    """A year of a farm; `paddy_penalty_t` (methane by straw in flooded rice) is a memo."""

    farm_id: Annotated[str, sample("farm:0001")]
    year: Year
    type: FarmType
    type_name: Wording
    district: Annotated[str, sample("kaihua")]
    paddy_penalty_t: Tonnes
    area_ha: DecimalText
    heads: Ratio
    intensity: Intensity
    quality: Quality
    factor_sets: list[Annotated[str, sample("agri@2026")]]


class FarmEntry(Answer, frozen=True, kw_only=True):
    """quantity x factor = amount, and every name behind it.

    `line` counts those of the event; `reverses` is the line of it that this one takes back.
    """

    event: EventName
    line: int
    year: Year
    month: Month
    pathway: LedgerPathway
    parcel_id: Annotated[str, sample("p-1")] | None
    quantity: DecimalText
    unit: Annotated[str, sample("t")]
    factor_mg_per_unit: DecimalText
    factor_set: Annotated[str, sample("agri")]
    factor_version: Annotated[str, sample("2026")]
    factor_source: Annotated[str, sample("IPCC 2019, volume 4")] | None
    factor_confidence: Annotated[str, sample("V", "V, V2, D, R or P")] | None
    fallback: bool
    warning: Warned | None
    rule: Annotated[str, sample("straw.return")]
    amount_t: Tonnes
    evidence: Evidence | None
    reverses: int | None
    cause: EventName
    sequence: int
    posted_at: Instant


class DocumentedRecord(Answer, frozen=True, kw_only=True):
    """`replaced`: it no longer counts."""

    event: EventName
    year: Year
    pathway: Pathway
    parcel_id: Annotated[str, sample("p-1")] | None
    start: Day
    end: Day
    replaced: bool


class EvidenceDocument(Answer, frozen=True, kw_only=True):
    evidence: Evidence
    records: list[DocumentedRecord]


@router.get(
    "/account",
    summary="What a farm neutralised and emitted in a year",
    responses=answers(FarmAccount, NOT_FOUND),
)
async def get_account(
    request: Request, farm_id: FarmId, who: Reader, year: YearQuery = None
) -> Response:
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
    return json_response(FarmAccount(**answer))


class FarmList(NamedTuple):
    """What of a farm that the client may read."""

    farm_id: str
    year: int | None
    page: Page


async def _asked(
    farm_id: FarmId,
    who: Reader,
    page: Annotated[Page, Depends(paging)],
    year: YearQuery = None,
) -> FarmList:
    require_subject(who, farm_id)
    return FarmList(farm_id, year, page)


ListAsked = Annotated[FarmList, Depends(_asked)]


@router.get(
    "/entries",
    summary="Ledger entries, each with its lineage",
    responses=answers(Listing[FarmEntry], NOT_FOUND),
)
async def get_entries(request: Request, asked: ListAsked) -> Response:
    after = asked.page.after(tuple[int, bytes, int])
    rows = await _rows(request, asked, partial(accounts.entries, after=after))
    key = itemgetter("sequence", "event_key", "line")
    return json_response(asked.page.listing(rows, _entry, key))


@router.get(
    "/documents",
    summary="What records name as evidence, each with its records",
    responses=answers(Listing[EvidenceDocument], NOT_FOUND),
)
async def get_documents(request: Request, asked: ListAsked) -> Response:
    """`replaced` marks a record that no longer counts."""
    after = asked.page.after(tuple[date, bytes])
    rows = await _rows(request, asked, partial(accounts.documents, after=after))
    key = itemgetter("starts", "event_key")
    return json_response(asked.page.listing(rows, _document, key))


async def _rows(
    request: Request, asked: FarmList, read: Callable[..., Awaitable[Sequence[Any]]]
) -> Sequence[Any]:
    """A list of a registered farm's account; empty before its first record."""
    async with request.app.state.pool.acquire() as connection:
        await versions_of(connection, asked.farm_id)
        account = await find(connection, asked.farm_id)
        if account is None:
            return ()
        return await read(connection, account, year=asked.year, limit=asked.page.limit + 1)


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
        "type_name": Wording(**TYPE_NAMES[farm.type]),
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
        "intensity": Intensity(
            gross_t_per_ha=_per(totals.gross, size.area_ha),
            gross_t_per_head=_per(totals.gross, heads),
            neutralised_t_per_ha=_per(totals.neutralised, size.area_ha),
            neutralised_t_per_100_heads=_per(totals.neutralised, heads / 100),
        ),
        "quality": Quality(
            records=count,
            with_evidence=with_evidence,
            evidence_share=six_places(with_evidence, count),
        ),
    }


def _per(mg: int, by: Fraction) -> str | None:
    """Tonnes per unit; null where nothing was posted or there is nothing to divide by."""
    return six_places(Fraction(mg, MG_PER_T), by) if mg else None


def _entry(row: Any) -> FarmEntry:
    figure = origin(row["rule"], row["factor_set"], row["factor_version"], row["starts"])
    return FarmEntry(
        event=EventName(source=row["source"], id=row["event_id"]),
        line=row["line"],
        year=row["year"],
        month=row["month"].strftime("%Y-%m"),
        pathway=row["pathway"],
        parcel_id=row["parcel_id"],
        quantity=decimal_text(row["quantity"]),
        unit=row["unit"],
        factor_mg_per_unit=decimal_text(row["factor"]),
        factor_set=row["factor_set"],
        factor_version=row["factor_version"],
        factor_source=None if figure is None else figure.source,
        factor_confidence=None if figure is None else figure.confidence,
        fallback=figure is not None and figure.fallback,
        warning=_warning(figure),
        rule=row["rule"],
        amount_t=tonnes_text(row["amount_mg"]),
        evidence=row["evidence"],
        reverses=row["reverses"],
        cause=EventName(source=row["cause_source"], id=row["cause_id"]),
        sequence=row["sequence"],
        posted_at=row["posted_at"].isoformat(),
    )


def _warning(figure: Origin | None) -> Warned | None:
    if figure is None or figure.warning is None:
        return None
    en, zh = figure.warning
    return Warned(en=en, zh=zh)


def _document(row: Any) -> EvidenceDocument:
    return msgspec.convert(
        {"evidence": row["evidence"], "records": row["records"]}, EvidenceDocument
    )
