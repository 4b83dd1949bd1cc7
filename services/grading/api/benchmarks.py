"""Benchmarks and policies: what labels are decided by, and what follows from them."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Literal

import asyncpg
import msgspec
from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from services.grading import store
from services.grading.api.views import Kind, benchmark_view
from services.grading.domain.benchmarks import Benchmark, Cuts, Shelf
from services.grading.domain.rulebook import cuts_of
from shared.auth.principal import Principal, require
from shared.database import Connection
from shared.events.errors import FieldError
from shared.events.types import IndustrialAccount
from shared.http.app import json_response
from shared.http.bodies import Body, accepts, body
from shared.http.paging import listing
from shared.http.problems import Problem, invalid, not_found, unavailable
from shared.methodology import IndustrialRule

router = APIRouter(tags=["benchmarks"])
ATTEMPTS = 5
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Year = Annotated[int, Path(ge=1900, le=2999)]

PRODUCTS = "select distinct product from benchmark where sector = $1 and year <= $2"
ACCOUNTS = """
select distinct s.subject from account_state a join subject s on s.account = a.account
where a.kind = 'industrial' and a.sector = $1 and a.product = $2 and a.year >= $3
"""
NEWEST = """
select * from benchmark where sector = $1 and product = $2 and year = $3
order by version desc limit 1
"""
ADD = """
insert into benchmark (sector, product, year, version, unit, value, deep_green, light_green,
    yellow, kind, source, valid_from, recorded_by, recorded_at)
select $1::text, $2::text, $3::int, coalesce(max(version), 0) + 1, $4::text, $5::numeric,
    $6::numeric, $7::numeric, $8::numeric, $9::text, $10::text, $11::date, $12::text,
    $13::timestamptz
from benchmark where sector = $1 and product = $2 and year = $3
returning *
"""


class CutsBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Inclusive upper bounds of the ratio to the benchmark, ascending."""

    deep_green: Decimal
    light_green: Decimal
    yellow: Decimal


class BenchmarkBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """t CO2e per `unit` of `product`; without cuts those of the rule hold."""

    product: Text
    unit: Text
    benchmark: Decimal
    kind: Literal["norm", "published", "city_mean", "city_median"]
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    cuts: CutsBody | None = None
    valid_from: date | None = None


@router.get("/v1/benchmarks/{sector}/{year}", summary="The benchmark that holds for a year")
async def get_benchmark(
    request: Request,
    sector: str,
    year: Year,
    who: Annotated[Principal, Depends(require("labels:read"))],
    product: str | None = None,
) -> Response:
    """The benchmark of the latest year up to `year`; `product` may be left out if there is one."""
    seeded = request.app.state.regrader.rules.benchmarks
    async with request.app.state.pool.acquire() as connection:
        named = product or await _only_product(connection, seeded, sector, year)
        posted = await store.benchmarks(connection, [(sector, named)])
    found = Shelf(posted, seeded).find(sector, named, year)
    if found is None:
        raise not_found("benchmark", f"{sector}/{named}/{year}")
    return json_response(benchmark_view(found))


@router.put(
    "/v1/benchmarks/{sector}/{year}",
    summary="Set the benchmark of a sector's product",
    openapi_extra=accepts(BenchmarkBody),
)
async def put_benchmark(
    request: Request,
    sector: str,
    year: Year,
    who: Annotated[Principal, Depends(require("benchmarks:write"))],
    given: Annotated[BenchmarkBody, Depends(body(BenchmarkBody))],
    product: str | None = None,
) -> Response:
    """Stores a version and regrades the accounts it holds for, in one transaction.

    The same body again changes nothing. `labels_changed` counts the labels that did.
    """
    _check(given, year, product)
    for _ in range(ATTEMPTS):
        async with request.app.state.pool.acquire() as connection:
            answer = await _put(request, connection, sector, year, given, who.client)
        if answer is not None:
            return json_response(answer)
    raise unavailable("Accounts of this sector keep arriving; try again")


@router.get("/v1/policies", summary="What follows from each label")
async def get_policies(
    request: Request,
    who: Annotated[Principal, Depends(require("labels:read"))],
    kind: Kind | Literal["personal"] | None = None,
) -> Response:
    """The default policy of each label and tier, in English and Chinese."""
    rules = request.app.state.regrader.rules
    items = [
        {"kind": policy.kind, "label": policy.label, **policy.facts()}
        for policy in rules.methodology.policies(kind)
    ]
    return json_response(listing(items, None))


async def _put(
    request: Request,
    connection: Connection,
    sector: str,
    year: int,
    given: BenchmarkBody,
    client: str,
) -> dict[str, Any] | None:
    """None when accounts of the product have come up between their lock and the benchmarks'."""
    state, now = request.app.state, request.app.state.clock()
    regrader, named = state.regrader, (sector, given.product, year)
    async with connection.transaction():
        accounts = await _accounts(connection, *named)
        await state.poster.lock(connection, accounts)
        await connection.execute(store.BENCHMARKS_CHANGE)
        if not accounts >= await _accounts(connection, *named):
            return None
        cuts = _cuts(given, regrader.rules.industrial(sector, year))
        before = await connection.fetchrow(NEWEST, *named)
        if before is not None and _same(before, given, cuts):
            return benchmark_view(store.benchmark_of(before)) | {"labels_changed": 0}
        row = await _add(connection, named, given, cuts, client, now)
        benchmark = store.benchmark_of(row)
        changed = await regrader.regrade(
            connection,
            state.poster,
            accounts,
            lambda account: _concerns(account, benchmark),
            f"benchmark:{benchmark.id}",
            now,
        )
    state.relay.wake()
    return benchmark_view(benchmark) | {"labels_changed": changed}


async def _accounts(connection: Connection, sector: str, product: str, year: int) -> set[str]:
    return {row[0] for row in await connection.fetch(ACCOUNTS, sector, product, year)}


async def _add(
    connection: Connection,
    named: tuple[str, str, int],
    given: BenchmarkBody,
    cuts: Cuts,
    client: str,
    now: datetime,
) -> asyncpg.Record:
    row = await connection.fetchrow(
        ADD,
        *named,
        given.unit,
        given.benchmark,
        cuts.deep_green,
        cuts.light_green,
        cuts.yellow,
        given.kind,
        given.source,
        given.valid_from,
        client,
        now,
    )
    assert row is not None
    return row


async def _only_product(
    connection: Connection, seeded: Sequence[Benchmark], sector: str, year: int
) -> str:
    posted: list[str] = [row[0] for row in await connection.fetch(PRODUCTS, sector, year)]
    products = {*posted, *(b.product for b in seeded if b.sector == sector and b.year <= year)}
    if not products:
        raise not_found("benchmark", f"{sector}/{year}")
    if len(products) > 1:
        expected = f"expected one of {', '.join(sorted(products))}"
        raise invalid("/query/product", expected, "invalid-parameter")
    return products.pop()


def _check(given: BenchmarkBody, year: int, product: str | None) -> None:
    faults = []
    if given.benchmark <= 0:
        faults.append(FieldError("/benchmark", f"expected more than zero, got {given.benchmark}"))
    if product is not None and product != given.product:
        faults.append(FieldError("/product", f"expected {product!r} as in the query"))
    if given.valid_from is not None and given.valid_from.year != year:
        faults.append(FieldError("/valid_from", f"expected a date in {year} as in the path"))
    if given.cuts is not None:
        faults += _cut_faults(given.cuts)
    if faults:
        detail = "; ".join(f"{fault.pointer}: {fault.detail}" for fault in faults)
        raise Problem("invalid-body", 422, detail, faults)


def _cut_faults(cuts: CutsBody) -> list[FieldError]:
    bounds = msgspec.structs.asdict(cuts)
    faults = []
    if cuts.deep_green <= 0:
        faults.append(FieldError("/cuts/deep_green", "expected more than zero"))
    for lower, upper in pairwise(bounds):
        if bounds[upper] <= bounds[lower]:
            expected = f"expected more than {lower}, which is {bounds[lower]}"
            faults.append(FieldError(f"/cuts/{upper}", expected))
    return faults


def _cuts(given: BenchmarkBody, rule: IndustrialRule) -> Cuts:
    own = given.cuts
    return cuts_of(rule) if own is None else Cuts(own.deep_green, own.light_green, own.yellow)


def _same(row: asyncpg.Record, given: BenchmarkBody, cuts: Cuts) -> bool:
    held = store.benchmark_of(row)
    return (held.unit, held.value, held.cuts, held.kind, held.source, row["valid_from"]) == (
        given.unit,
        given.benchmark,
        cuts,
        given.kind,
        given.source,
        given.valid_from,
    )


def _concerns(account: store.AccountState, benchmark: Benchmark) -> bool:
    return (
        isinstance(account, IndustrialAccount)
        and (account.sector, account.product) == (benchmark.sector, benchmark.product)
        and account.year >= benchmark.year
    )
