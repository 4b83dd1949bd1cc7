"""The region: accounts and tonnes by colour, and the city's mean of a year."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Query, Request
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from services.grading.api.benchmarks import ATTEMPTS, Writer, Year
from services.grading.api.labels import Reader
from services.grading.api.views import (
    Kind,
    LabelWord,
    MeanShown,
    PeersShown,
    mean_fields,
    mean_view,
    peers_view,
)
from services.grading.domain.grades import UNGRADED
from services.grading.domain.rulebook import LABELS
from services.grading.store import farm_peers, means
from shared.auth.principal import Principal
from shared.http.answers import Answer, Ratio, answers, conflicts, sample
from shared.http.answers import Year as ShownYear
from shared.http.app import json_response
from shared.http.city import today
from shared.http.parameters import YearAsked
from shared.http.problems import conflict, invalid, unavailable
from shared.methodology.label_rows import FARM_TYPES
from shared.units.amount import ratio_text

router = APIRouter(tags=["region"])

SUMS = """
select l.kind, l.label, l.sector, a.district, count(*) as accounts, sum(a.total_t) as t,
    sum(a.gross_t) as gross_t
from label l join account_state a using (account, year)
where l.year = $1
group by l.kind, grouping sets ((l.label), (l.label, l.sector), (l.label, a.district))
"""
TOO_FEW_ACCOUNTS = conflicts(
    "Fewer than 5 accounts of 2020 have declared value added", "too-few-enterprises"
)
TOO_FEW_FARMS = conflicts(
    "No type has 10 farms that neutralise in 2020 and give their size", "too-few-farms"
)


class LabelSum(Answer, frozen=True, kw_only=True):
    """Accounts and tonnes: of enterprises `total_t`, of farms the other two."""

    accounts: int
    total_t: Decimal | UnsetType = UNSET
    neutralised_t: Decimal | UnsetType = UNSET
    gross_t: Decimal | UnsetType = UNSET


ByLabel = dict[LabelWord, LabelSum]


class KindSum(LabelSum, frozen=True, kw_only=True):
    """All accounts of a kind."""

    graded: int
    share_graded: Ratio | None
    by_label: ByLabel
    by_sector: dict[Annotated[str, sample("1495")], ByLabel]
    by_district: dict[Annotated[str, sample("kaihua")], ByLabel]


class RegionSummary(Answer, frozen=True, kw_only=True):
    """The city in a year."""

    year: ShownYear
    industrial: KindSum
    agri: KindSum
    city_mean: MeanShown | None
    farm_peers: list[PeersShown]


class MeanTaken(MeanShown, frozen=True, kw_only=True):
    """The mean as it is now."""

    labels_changed: int


class PeersTaken(Answer, frozen=True, kw_only=True):
    """The peers of all types as they are now."""

    items: list[PeersShown]
    labels_changed: int


@router.get(
    "/v1/region/summary",
    summary="Accounts and tonnes by colour, sector and district",
    responses=answers(RegionSummary),
)
async def get_summary(
    request: Request,
    who: Reader,
    year: Annotated[
        YearAsked | None,
        Query(description="Without, the running one", examples=[2020]),
    ] = None,
) -> Response:
    """Of a year (the running one); aggregates only, whoever may read labels may read them.

    Of an enterprise `total_t`; of a farm `neutralised_t` and `gross_t`, and its type for a sector.
    """
    wanted = year or today(request).year
    async with request.app.state.pool.acquire() as connection:
        rows = await connection.fetch(SUMS, wanted)
        mean = (await means.newest(connection, [wanted])).get(wanted)
        peers = await farm_peers.newest(connection, [(wanted, type) for type in FARM_TYPES])
    industrial, agri = (
        _summary(kind, [row for row in rows if row["kind"] == kind])
        for kind in ("industrial", "agri")
    )
    summary = RegionSummary(
        year=wanted,
        industrial=industrial,
        agri=agri,
        city_mean=mean_view(mean) if mean else None,
        farm_peers=[peers_view(peers[named]) for named in sorted(peers)],
    )
    return json_response(summary)


@router.post(
    "/v1/region/means/{year}",
    summary="Take the city's mean of a year anew",
    responses=answers(MeanTaken, TOO_FEW_ACCOUNTS),
)
async def take_mean(request: Request, year: Year, who: Writer) -> Response:
    """What the clock does when a month begins: a version is kept if the sums have moved, and all
    accounts of the year are regraded against it. 409 with too few accounts for a first one."""
    changed = await _take(request, "industrial", year, who)
    async with request.app.state.pool.acquire() as connection:
        held = (await means.newest(connection, [year])).get(year)
    if held is None:
        needed = request.app.state.regrader.rules.city(year).mean_enterprises
        detail = f"Fewer than {needed} accounts of {year} have declared value added"
        raise conflict(detail, "too-few-enterprises")
    return json_response(MeanTaken(**mean_fields(held), labels_changed=changed))


@router.post(
    "/v1/region/peers/{year}",
    summary="Take the farms' peers of a year anew",
    responses=answers(PeersTaken, TOO_FEW_FARMS),
)
async def take_peers(request: Request, year: Year, who: Writer) -> Response:
    """What the clock does when a month begins, by type of farm. 409 when no type has enough farms
    that neutralise and whose records give their size."""
    changed = await _take(request, "agri", year, who)
    async with request.app.state.pool.acquire() as connection:
        held = await farm_peers.newest(connection, [(year, type) for type in FARM_TYPES])
    if not held:
        needed = request.app.state.regrader.rules.agri(FARM_TYPES[0], year).peers_needed
        detail = f"No type has {needed} farms that neutralise in {year} and give their size"
        raise conflict(detail, "too-few-farms")
    items = [peers_view(held[named]) for named in sorted(held)]
    return json_response(PeersTaken(items=items, labels_changed=changed))


async def _take(request: Request, kind: Kind, year: int, who: Principal) -> int:
    """The means or the peers of a year as they stand; how many labels changed."""
    if year >= today(request).year:
        raise invalid(
            "/path/year", f"expected a year that is over, got {year}", "invalid-parameter"
        )
    state = request.app.state
    for _ in range(ATTEMPTS):
        async with state.pool.acquire() as connection, connection.transaction():
            changed: int | None = await state.regrader.take_means(
                connection, state.poster, [year], who.client, state.clock(), kinds=[kind]
            )
        if changed is not None:
            state.relay.wake()
            return changed
    raise unavailable("Accounts of this year keep arriving; try again")


def _summary(kind: str, rows: list[asyncpg.Record]) -> KindSum:
    whole = [row for row in rows if row["sector"] is None and row["district"] is None]
    accounts = sum(row["accounts"] for row in whole)
    graded = sum(row["accounts"] for row in whole if row["label"] != UNGRADED)
    return KindSum(
        accounts=accounts,
        graded=graded,
        share_graded=ratio_text(Fraction(graded, accounts)) if accounts else None,
        **_tonnes(kind, whole),
        by_label=_by_label(kind, whole),
        by_sector=_grouped(kind, rows, "sector"),
        by_district=_grouped(kind, rows, "district"),
    )


def _grouped(kind: str, rows: Iterable[asyncpg.Record], by: str) -> dict[str, ByLabel]:
    groups: dict[str, list[asyncpg.Record]] = {}
    for row in rows:
        if row[by] is not None:
            groups.setdefault(row[by], []).append(row)
    return {name: _by_label(kind, groups[name]) for name in sorted(groups)}


def _by_label(kind: str, rows: Iterable[asyncpg.Record]) -> ByLabel:
    """Every label of the kind, best first."""
    found = {row["label"]: row for row in rows}
    return {
        label: LabelSum(
            accounts=found[label]["accounts"] if label in found else 0,
            **_tonnes(kind, [found[label]] if label in found else []),
        )
        for label in LABELS[kind]
    }


def _tonnes(kind: str, rows: Iterable[asyncpg.Record]) -> dict[str, Any]:
    held = list(rows)
    total = sum((row["t"] for row in held), Decimal(0))
    if kind == "industrial":
        return {"total_t": total}
    gross = sum((row["gross_t"] or Decimal(0) for row in held), Decimal(0))
    return {"neutralised_t": total, "gross_t": gross}
