"""Benchmarks and policies: what labels are decided by, and what follows from them."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Literal

import asyncpg
import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import AfterValidator
from starlette.responses import Response

from services.grading.api.views import BenchmarkShown, PolicyFacts, benchmark_fields
from services.grading.domain.benchmarks import Benchmark, Cuts, Shelf
from services.grading.revising import Change, Draft, Reviser, set_anew, withdrawal
from services.grading.store import benchmarks
from services.grading.store.benchmarks import Named
from shared.auth.principal import Principal, require, require_city
from shared.database import Connection
from shared.events.errors import FieldError
from shared.events.identifiers import BANK_FORM, BANK_PATTERN, is_bank
from shared.http.answers import Listing, Refusal, Timestamp, answers, sample
from shared.http.app import json_response
from shared.http.bodies import NOT_BLANK, Body, accepts, body, refuse_persons
from shared.http.city import today
from shared.http.paging import Page, listing, paging
from shared.http.parameters import YearAsked
from shared.http.problems import Problem, forbidden, invalid, not_found, unavailable
from shared.methodology import SECTOR_PATTERN, sector_code

router = APIRouter(tags=["benchmarks"])
ATTEMPTS = 5
Text = Annotated[str, msgspec.Meta(max_length=200, pattern=NOT_BLANK)]
ProductName = Annotated[Text, sample("xylitol")]
Sector = Annotated[
    str,
    AfterValidator(sector_code),
    Path(
        description="Code of GB/T 4754; the letter of its section makes no difference",
        examples=["1495"],
        json_schema_extra={"pattern": f"^{SECTOR_PATTERN}$"},
    ),
]
Year = Annotated[YearAsked, Path(description="The account year", examples=[2020])]
Product = Annotated[str, Query(description="What is made", examples=["xylitol"])]
ProductAsked = Annotated[
    str | None,
    Query(description="What is made; may be left out if it is one only", examples=["xylitol"]),
]
KindAsked = Query(description="What kind of a benchmark", examples=["published"])
Positive = Annotated[Decimal, msgspec.Meta(description="More than zero", examples=["0.11"])]
NO_BENCHMARK = Refusal(404, "not-found", "There is no benchmark '1495/xylitol/2020'")
Word = Literal["norm", "published", "city_mean", "city_median"]
Reader = Annotated[Principal, Depends(require("labels:read"))]
Writer = Annotated[Principal, Depends(require_city("benchmarks:write"))]


class CutsBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Inclusive upper bounds of the ratio to the benchmark, ascending."""

    deep_green: Annotated[Decimal, sample("0.80")]
    light_green: Annotated[Decimal, sample("1.00")]
    yellow: Annotated[Decimal, sample("1.20")]


class BenchmarkBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """t CO2e per `unit` of `product`; without cuts those of the rule hold."""

    product: ProductName
    unit: Annotated[Text, sample("t")]
    benchmark: Positive
    kind: Word
    source: Annotated[
        str, msgspec.Meta(max_length=1000, pattern=NOT_BLANK, examples=["a notice of the city"])
    ]
    cuts: CutsBody | None = None
    valid_from: date | None = None


class BenchmarkVersion(BenchmarkShown, frozen=True, kw_only=True):
    """A version of a benchmark, and who recorded it when."""

    valid_from: date | None
    withdrawn: bool
    recorded_by: Annotated[str, sample("operator")]
    recorded_at: Timestamp


class BenchmarkSet(BenchmarkShown, frozen=True, kw_only=True):
    """A benchmark that was set or withdrawn; `in_force` is false while a better kind holds."""

    withdrawn: bool
    in_force: bool
    labels_changed: int


class PolicyShown(PolicyFacts, frozen=True, kw_only=True):
    """The policy of a label or a tier."""

    kind: Literal["industrial", "agri", "personal"]
    label: Annotated[str, sample("light_green")]


@router.get(
    "/v1/benchmarks/{sector}/{year}",
    summary="The benchmark that holds for a year",
    responses=answers(BenchmarkShown, NO_BENCHMARK),
)
async def get_benchmark(
    request: Request,
    sector: Sector,
    year: Year,
    who: Reader,
    product: ProductAsked = None,
    kind: Annotated[Word | None, KindAsked] = None,
) -> Response:
    """The best kind up to `year` (or `kind`), and of that the latest year's.

    `product` may be left out if there is one only.
    """
    rules = request.app.state.regrader.rules
    async with request.app.state.pool.acquire() as connection:
        named = product or await _only_product(connection, rules.benchmarks, sector, year)
        posted = await benchmarks.standing(connection, [(sector, named)])
    found = Shelf(posted, rules.benchmarks).find(sector, named, year, kind)
    if found is None:
        raise not_found("benchmark", f"{sector}/{named}/{year}")
    return json_response(BenchmarkShown(**benchmark_fields(found, rules, year)))


@router.get(
    "/v1/benchmarks/{sector}/{year}/versions",
    summary="All versions of a benchmark",
    responses=answers(Listing[BenchmarkVersion]),
)
async def get_versions(
    request: Request,
    sector: Sector,
    year: Year,
    who: Reader,
    page: Annotated[Page, Depends(paging)],
    product: Product,
) -> Response:
    """What a label names as its benchmark's version: newest first, of every kind, the withdrawn
    ones too, with who recorded it and when."""
    rules, after = request.app.state.regrader.rules, page.after(tuple[int])
    rows: Sequence[asyncpg.Record] = await request.app.state.pool.fetch(
        benchmarks.VERSIONS, sector, product, year, after and after[0], page.limit + 1
    )

    def item(row: asyncpg.Record) -> BenchmarkVersion:
        names = ("valid_from", "withdrawn", "recorded_by", "recorded_at")
        own = benchmark_fields(benchmarks.benchmark_of(row), rules, year)
        return BenchmarkVersion(**own | {name: row[name] for name in names})

    return json_response(page.listing(rows, item, lambda row: [row["version"]]))


@router.put(
    "/v1/benchmarks/{sector}/{year}",
    summary="Set the benchmark of a sector's product",
    openapi_extra=accepts(BenchmarkBody),
    responses=answers(BenchmarkSet),
)
async def put_benchmark(
    request: Request,
    sector: Sector,
    year: Year,
    who: Writer,
    given: Annotated[BenchmarkBody, Depends(body(BenchmarkBody))],
    product: Annotated[
        str | None, Query(description="As in the body", examples=["xylitol"])
    ] = None,
) -> Response:
    """Stores a version and regrades the accounts it holds for, in one transaction.

    The same body again changes nothing. `labels_changed` counts the labels that did; `in_force`
    is false while a better kind holds for the year.
    """
    _check(given, sector, year, product)
    refuse_persons(product=given.product, source=given.source)
    named = sector, given.product, year
    draft = Draft(_drafted(named, given), given.valid_from)
    changed = await revise(request, who, named, lambda connection: set_anew(connection, draft))
    return json_response(
        BenchmarkSet(**await newest_fields(request, named, given.kind), labels_changed=changed)
    )


@router.delete(
    "/v1/benchmarks/{sector}/{year}",
    summary="Withdraw a benchmark",
    responses=answers(BenchmarkSet, NO_BENCHMARK),
)
async def delete_benchmark(
    request: Request,
    sector: Sector,
    year: Year,
    who: Writer,
    product: Product,
    kind: Annotated[Word, KindAsked],
) -> Response:
    """Ends the benchmark of this year and kind and regrades its accounts; its versions stay."""
    named = sector, product, year

    async def withdrawn(connection: Connection) -> list[Draft]:
        row = await benchmarks.newest(connection, named, kind)
        if row is None:
            raise not_found("benchmark", f"{sector}/{product}/{year} of the kind {kind}")
        return withdrawal(row)

    changed = await revise(request, who, named, withdrawn)
    return json_response(
        BenchmarkSet(**await newest_fields(request, named, kind), labels_changed=changed)
    )


@router.get(
    "/v1/policies",
    summary="What follows from each label",
    responses=answers(Listing[PolicyShown]),
)
async def get_policies(
    request: Request,
    who: Reader,
    kind: Annotated[
        Literal["industrial", "agri", "personal"] | None,
        Query(description="Only of such accounts"),
    ] = None,
    bank: Annotated[
        str | None,
        Query(
            description="As this bank grants it; a bank's token has its own without",
            examples=["jsrcb"],
            json_schema_extra={"pattern": BANK_PATTERN},
        ),
    ] = None,
) -> Response:
    """The policy of each label and tier as in force today, in English and Chinese.

    It is the city's default where the bank has put none of its own in its place; the `id` of such a
    one begins with the bank.
    """
    if bank is not None and not is_bank(bank):
        raise invalid("/query/bank", f"expected {BANK_FORM}", "invalid-parameter")
    if bank is not None and who.bank not in (None, bank):
        raise forbidden(f"The token is of the bank {who.bank}: it asks about no other")
    rules = request.app.state.regrader.rules
    policies = rules.methodology.policies(kind, today(request), bank or who.bank)
    items = (PolicyShown(kind=p.kind, label=p.label, **p.facts()) for p in policies)
    return json_response(listing(items))


async def revise(request: Request, who: Principal, named: Named, change: Change) -> int:
    """Change benchmarks and regrade; tells how many labels changed. 503 when accounts keep coming."""
    state = request.app.state
    reviser = Reviser(state.regrader, state.poster, who.client, state.clock())
    for _ in range(ATTEMPTS):
        async with state.pool.acquire() as connection:
            done = await reviser.revise(connection, named, change)
        if done is not None:
            state.relay.wake()
            return done[1]
    raise unavailable("Accounts of this sector keep arriving; try again")


async def newest_fields(request: Request, named: Named, kind: str) -> dict[str, Any]:
    """The newest version of a kind, and whether it holds: of `BenchmarkSet` all but the labels."""
    rules = request.app.state.regrader.rules
    async with request.app.state.pool.acquire() as connection:
        row = await benchmarks.newest(connection, named, kind)
        standing = await benchmarks.standing(connection, [named[:2]])
    assert row is not None
    held = Shelf(standing, rules.benchmarks).find(*named)
    mine = benchmarks.benchmark_of(row)
    return benchmark_fields(mine, rules, named[2]) | {
        "withdrawn": row["withdrawn"],
        "in_force": held is not None and held.id == mine.id,
    }


async def _only_product(
    connection: Connection, seeded: Sequence[Benchmark], sector: str, year: int
) -> str:
    posted = await benchmarks.products(connection, sector, year)
    products = {*posted, *(b.product for b in seeded if b.sector == sector and b.year <= year)}
    if not products:
        raise not_found("benchmark", f"{sector}/{year}")
    if len(products) > 1:
        expected = f"expected one of {', '.join(sorted(products))}"
        raise invalid("/query/product", expected, "invalid-parameter")
    return products.pop()


def _drafted(named: Named, given: BenchmarkBody) -> Benchmark:
    own = given.cuts
    cuts = None if own is None else Cuts(own.deep_green, own.light_green, own.yellow)
    return Benchmark(*named, "", given.unit, given.benchmark, cuts, given.kind, given.source)


def _check(given: BenchmarkBody, sector: str, year: int, product: str | None) -> None:
    faults = []
    if given.benchmark <= 0:
        faults.append(FieldError("/benchmark", f"expected more than zero, got {given.benchmark}"))
    if not _drafted(("", given.product, year), given).output_unit:
        faults.append(FieldError("/unit", "expected a unit of output, such as t or t/MWh"))
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
