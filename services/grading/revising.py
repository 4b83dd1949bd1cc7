"""Benchmarks set, computed or withdrawn: a version is added and its accounts are regraded."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import asyncpg

from services.grading.domain import grades
from services.grading.domain.benchmarks import Benchmark
from services.grading.domain.grades import Cause
from services.grading.regrading import Regrader
from services.grading.store import benchmarks
from services.grading.store.benchmarks import Named
from services.grading.store.held import AccountState
from shared.database import Connection
from shared.events.types import IndustrialAccount
from shared.stream.poster import Poster

COMPUTED = ("city_mean", "city_median")


@dataclass(slots=True, frozen=True)
class Draft:
    """A version to be added; a withdrawal ends the benchmark of its kind and year."""

    benchmark: Benchmark
    valid_from: date | None = None
    withdrawn: bool = False


Change = Callable[[Connection], Awaitable[Sequence[Draft]]]


@dataclass(slots=True, frozen=True)
class Reviser:
    """Changes benchmarks as a client, at a time."""

    regrader: Regrader
    poster: Poster[Any, Any]
    client: str
    now: datetime

    async def revise(
        self, connection: Connection, named: Named, change: Change
    ) -> tuple[list[Benchmark], int] | None:
        """Add the versions that `change` drafts under the locks, and regrade what they touch.

        One transaction. Gives the versions and how many labels changed, or None when accounts of
        the product came up between their lock and the benchmarks'.
        """
        async with connection.transaction():
            accounts = await benchmarks.subjects(connection, named)
            await self.poster.lock(connection, accounts)
            await connection.execute(benchmarks.CHANGE)
            if not accounts >= await benchmarks.subjects(connection, named):
                return None
            added = [await self._add(connection, draft) for draft in await change(connection)]
            if not added:
                return added, 0
            cause = Cause(grades.BENCHMARK, added[0].id)
            changed = await self.regrader.regrade(
                connection,
                self.poster,
                accounts,
                lambda state: cause if _concerns(state, named) else None,
                self.now,
            )
        return added, changed

    async def _add(self, connection: Connection, draft: Draft) -> Benchmark:
        return await benchmarks.add(
            connection,
            draft.benchmark,
            draft.valid_from,
            self.client,
            self.now,
            withdrawn=draft.withdrawn,
        )


async def set_anew(connection: Connection, draft: Draft) -> list[Draft]:
    """The draft, unless it says what stands."""
    named = draft.benchmark.sector, draft.benchmark.product, draft.benchmark.year
    row = await benchmarks.newest(connection, named, draft.benchmark.kind)
    return [] if row is not None and _says(row, draft) else [draft]


async def computed_anew(connection: Connection, benchmark: Benchmark) -> list[Draft]:
    """A computed benchmark takes the place of what was computed for its year before."""
    drafts = await set_anew(connection, Draft(benchmark))
    other = next(kind for kind in COMPUTED if kind != benchmark.kind)
    named = benchmark.sector, benchmark.product, benchmark.year
    row = await benchmarks.newest(connection, named, other)
    if row is not None and row["basis"] is not None:
        drafts += withdrawal(row)
    return drafts


def withdrawal(row: asyncpg.Record) -> list[Draft]:
    """What withdraws a benchmark; nothing when it is withdrawn already."""
    if row["withdrawn"]:
        return []
    return [Draft(benchmarks.benchmark_of(row), row["valid_from"], withdrawn=True)]


def _says(row: asyncpg.Record, draft: Draft) -> bool:
    held = replace(benchmarks.benchmark_of(row), version=draft.benchmark.version)
    return (held, row["valid_from"], row["withdrawn"]) == (
        draft.benchmark,
        draft.valid_from,
        draft.withdrawn,
    )


def _concerns(state: AccountState, named: Named) -> bool:
    sector, product, year = named
    return (
        isinstance(state, IndustrialAccount)
        and (state.sector, state.product) == (sector, product)
        and state.year >= year
    )
