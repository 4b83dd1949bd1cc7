"""Benchmarks as they are kept: every version, the withdrawn ones too."""

from collections.abc import Iterable
from datetime import date, datetime

import asyncpg
import msgspec

from services.grading.domain.benchmarks import Basis, Benchmark, Cuts
from shared.database import Connection
from shared.events.types import IndustrialAccount

# Sector, product and year.
Named = tuple[str, str, int]

# Held together by whoever decides labels, alone by whoever changes a benchmark or takes a mean of
# the city. Taken after the accounts, so that nobody waits in a circle.
STAND = "select pg_advisory_xact_lock_shared(hashtext('grading.benchmark'), 1)"
CHANGE = "select pg_advisory_xact_lock(hashtext('grading.benchmark'), 1)"

STANDING = """
select * from (
    select distinct on (b.sector, b.product, b.year, b.kind) b.*
    from benchmark b
    join unnest($1::text[], $2::text[]) w(sector, product)
        on w.sector = b.sector and w.product = b.product
    order by b.sector, b.product, b.year, b.kind, b.version desc
) newest where not withdrawn
"""
ALL_STANDING = """
select * from (
    select distinct on (sector, product, year, kind) * from benchmark
    order by sector, product, year, kind, version desc
) newest where not withdrawn
"""
NEWEST = """
select * from benchmark where sector = $1 and product = $2 and year = $3 and kind = $4
order by version desc limit 1
"""
VERSIONS = """
select * from benchmark
where sector = $1 and product = $2 and year = $3 and ($4::int is null or version < $4)
order by version desc limit $5
"""
ADD = """
insert into benchmark (sector, product, year, version, unit, value, deep_green, light_green,
    yellow, kind, source, valid_from, basis, withdrawn, recorded_by, recorded_at)
select $1::text, $2::text, $3::int, coalesce(max(version), 0) + 1, $4::text, $5::numeric,
    $6::numeric, $7::numeric, $8::numeric, $9::text, $10::text, $11::date, $12::jsonb,
    $13::boolean, $14::text, $15::timestamptz
from benchmark where sector = $1 and product = $2 and year = $3
returning *
"""
PRODUCTS = """
select distinct product from (
    select distinct on (product, year, kind) product, withdrawn from benchmark
    where sector = $1 and year <= $2
    order by product, year, kind, version desc
) newest where not withdrawn
"""
SUBJECTS = """
select distinct s.subject from account_state a join subject s on s.account = a.account
where a.kind = 'industrial' and a.sector = $1 and a.product = $2 and a.year >= $3
"""
PEERS = """
select data from account_state
where kind = 'industrial' and sector = $1 and product = $2 and year = $3
"""


async def standing(
    connection: Connection, wanted: Iterable[tuple[str, str]]
) -> tuple[Benchmark, ...]:
    """The newest version of each year and kind of these sectors and products."""
    pairs = sorted(set(wanted))
    rows = await connection.fetch(STANDING, [p[0] for p in pairs], [p[1] for p in pairs])
    return tuple(benchmark_of(row) for row in rows)


async def all_standing(connection: Connection) -> tuple[Benchmark, ...]:
    """The newest version of each year and kind of every sector and product."""
    return tuple(benchmark_of(row) for row in await connection.fetch(ALL_STANDING))


async def newest(connection: Connection, named: Named, kind: str) -> asyncpg.Record | None:
    """The newest row of a kind, which may be a withdrawal."""
    return await connection.fetchrow(NEWEST, *named, kind)


async def add(
    connection: Connection,
    benchmark: Benchmark,
    valid_from: date | None,
    client: str,
    now: datetime,
    *,
    withdrawn: bool = False,
) -> Benchmark:
    """Append a version; gives it with its number."""
    cuts = benchmark.cuts
    bounds = (None,) * 3 if cuts is None else (cuts.deep_green, cuts.light_green, cuts.yellow)
    row = await connection.fetchrow(
        ADD,
        benchmark.sector,
        benchmark.product,
        benchmark.year,
        benchmark.unit,
        benchmark.value,
        *bounds,
        benchmark.kind,
        benchmark.source,
        valid_from,
        msgspec.to_builtins(benchmark.basis),
        withdrawn,
        client,
        now,
    )
    assert row is not None
    return benchmark_of(row)


async def products(connection: Connection, sector: str, year: int) -> list[str]:
    """The products of a sector that have a benchmark up to a year."""
    return [row[0] for row in await connection.fetch(PRODUCTS, sector, year)]


async def subjects(connection: Connection, named: Named) -> set[str]:
    """The accounts of the sector's product from this year on."""
    return {row[0] for row in await connection.fetch(SUBJECTS, *named)}


async def peers(connection: Connection, named: Named) -> list[IndustrialAccount]:
    """The states of the sector's product in this year."""
    rows = await connection.fetch(PEERS, *named)
    return [msgspec.convert(row[0], IndustrialAccount, strict=False) for row in rows]


def benchmark_of(row: asyncpg.Record) -> Benchmark:
    """The benchmark of a benchmark row."""
    bounds, basis = (row["deep_green"], row["light_green"], row["yellow"]), row["basis"]
    return Benchmark(
        row["sector"],
        row["product"],
        row["year"],
        str(row["version"]),
        row["unit"],
        row["value"],
        None if None in bounds else Cuts(*bounds),
        row["kind"],
        row["source"],
        basis=None if basis is None else msgspec.convert(basis, Basis, strict=False),
    )
