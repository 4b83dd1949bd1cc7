"""Benchmarks computed from the city's own enterprises."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Query, Request
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from services.grading.api.benchmarks import Sector, Writer, Year, newest_fields, revise
from services.grading.api.views import BenchmarkShown, benchmark_fields
from services.grading.domain import peers
from services.grading.domain.benchmarks import Benchmark
from services.grading.domain.peers import Peers
from services.grading.domain.rulebook import Rulebook
from services.grading.revising import Draft, computed_anew
from services.grading.store import benchmarks
from services.grading.store.benchmarks import Named
from shared.database import Connection
from shared.events.types import IndustrialAccount
from shared.http.answers import answers, conflicts, sample
from shared.http.app import json_response
from shared.http.city import today
from shared.http.problems import Problem, conflict, invalid
from shared.methodology import CityRule

router = APIRouter(tags=["benchmarks"])
Product = Annotated[
    str, Query(min_length=1, max_length=200, description="What is made", examples=["xylitol"])
]
TOO_FEW = conflicts(
    "1495 / xylitol has 2 enterprises with complete data for 2020: a mean needs 5, a median 3",
    "too-few-enterprises",
    enterprises=2,
    left_out={"incomplete": 1},
)
NOT_ABOVE_ZERO = conflicts("The city_mean of 1495 / xylitol in 2020 is not above zero")


class Computed(BenchmarkShown, frozen=True, kw_only=True):
    """A computed benchmark; of a dry run nothing is stored. Who is left out, by reason."""

    withdrawn: bool | UnsetType = UNSET
    in_force: bool | UnsetType = UNSET
    labels_changed: int | UnsetType = UNSET
    dry_run: bool
    left_out: dict[Annotated[str, sample("incomplete")], int]


@router.post(
    "/v1/benchmarks/{sector}/{year}/compute",
    summary="Compute a benchmark from the city's own enterprises",
    responses=answers(Computed, TOO_FEW, NOT_ABOVE_ZERO),
)
async def compute_benchmark(
    request: Request,
    sector: Sector,
    year: Year,
    who: Writer,
    product: Product,
    unit: Annotated[
        str | None, Query(description="Of the output, where there are several", examples=["t"])
    ] = None,
    dry_run: Annotated[bool, Query(description="Compute only")] = False,
) -> Response:
    """The output-weighted mean of the enterprises of a year that is over, or their median.

    Those count that have the data a label needs. 409 with too few of them for a median; 422 when
    their outputs are in several units and none is named. `dry_run` stores nothing.
    """
    named, rules = (sector, product, year), request.app.state.regrader.rules
    _check_over(request, year)
    found: list[tuple[Benchmark, Peers]] = []

    async def compute(connection: Connection) -> list[Draft]:
        found[:] = [await _computed(connection, named, unit, rules)]
        return await computed_anew(connection, found[0][0])

    if not dry_run:
        changed = await revise(request, who, named, compute)
        fields = await newest_fields(request, named, found[0][0].kind) | {"labels_changed": changed}
    else:
        async with request.app.state.pool.acquire() as connection:
            await compute(connection)
        fields = benchmark_fields(found[0][0], rules, year)
    left_out = dict(found[0][1].left_out)
    return json_response(Computed(**fields, dry_run=dry_run, left_out=left_out))


async def _computed(
    connection: Connection, named: Named, unit: str | None, rules: Rulebook
) -> tuple[Benchmark, Peers]:
    sector, product, year = named
    accounts = await benchmarks.peers(connection, named)
    wanted = unit or _only_unit(accounts)
    held = peers.gather(accounts, wanted, rules.industrial(sector, year).months_needed)
    found = peers.figure(held, rules.city(year))
    if found is None:
        raise _too_few(f"{sector} / {product}", year, held, rules.city(year))
    kind, value = found
    if peers.rounded(value) <= 0:
        raise conflict(f"The {kind} of {sector} / {product} in {year} is not above zero")
    return peers.computed(named, wanted, kind, value, peers.basis_of(held)), held


def _check_over(request: Request, year: int) -> None:
    if year >= today(request).year:
        raise invalid(
            "/path/year", f"expected a year that is over, got {year}", "invalid-parameter"
        )


def _only_unit(accounts: Iterable[IndustrialAccount]) -> str:
    units = sorted({account.product_unit for account in accounts})
    if len(units) > 1:
        expected = f"expected the unit of the output, the enterprises have {', '.join(units)}"
        raise invalid("/query/unit", expected, "invalid-parameter")
    return units[0] if units else ""


def _too_few(what: str, year: int, held: Peers, rule: CityRule) -> Problem:
    detail = (
        f"{what} has {held.enterprises} enterprises with complete data for {year}: a mean needs "
        f"{rule.mean_enterprises}, a median {rule.median_enterprises}"
    )
    return conflict(
        detail, "too-few-enterprises", enterprises=held.enterprises, left_out=held.left_out
    )
