"""What is stored about accounts, and what their states refer to."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import asyncpg
import msgspec

from services.grading.domain.benchmarks import Benchmark
from services.grading.domain.city import CityMean
from services.grading.domain.farm_peers import FarmPeers
from services.grading.domain.grades import Grade, Label
from services.grading.store import benchmarks, farm_peers, means
from services.grading.store.held import STATE_TYPES, AccountState, Held
from shared.database import Connection
from shared.events.types import AgriAccount, IndustrialAccount

STATES = """
select s.subject, a.year, a.kind, a.data
from account_state a join subject s on s.account = a.account
where a.account = any($1::bigint[])
"""
LABELS = """
select s.subject, l.* from label l join subject s on s.account = l.account
where l.account = any($1::bigint[])
"""


async def load(
    connection: Connection, accounts: Sequence[int], arriving: Sequence[AccountState]
) -> Held:
    """States and labels of these accounts, and what those and the arriving states refer to."""
    held = Held()
    for row in await connection.fetch(STATES, accounts):
        held.states.setdefault(row["subject"], {})[row["year"]] = state_of(row)
    held.labels = await labels(connection, accounts)
    states = [*arriving, *(s for years in held.states.values() for s in years.values())]
    industrial = [state for state in states if isinstance(state, IndustrialAccount)]
    pairs = {(state.sector, state.product) for state in industrial}
    held.benchmarks = await benchmarks.standing(connection, pairs)
    held.city = await means.newest(connection, {state.year for state in industrial})
    farms = [state for state in states if isinstance(state, AgriAccount)]
    held.peers = await farm_peers.newest(connection, {(state.year, state.type) for state in farms})
    return held


async def labels(connection: Connection, accounts: Sequence[int]) -> dict[str, dict[int, Label]]:
    """The labels of these accounts, by subject and year."""
    found: dict[str, dict[int, Label]] = {}
    for row in await connection.fetch(LABELS, accounts):
        found.setdefault(row["subject"], {})[row["year"]] = label_of(row)
    return found


def state_of(row: asyncpg.Record) -> AccountState:
    """The state of an account_state row (`kind`, `data`)."""
    return msgspec.convert(row["data"], STATE_TYPES[row["kind"]], strict=False)


def label_of(row: asyncpg.Record) -> Label:
    """The label of a label row, with the benchmark and the city's mean it was decided by."""
    benchmark, city, peers = row["benchmark"], row["city"], row["peers"]
    grade = Grade(
        row["label"],
        row["reason"],
        row["dimensions"],
        row["missing"],
        _fraction(row["intensity_numerator"], row["intensity_denominator"]),
        _fraction(row["ratio_numerator"], row["ratio_denominator"]),
        None if benchmark is None else msgspec.convert(benchmark, Benchmark, strict=False),
        None if city is None else msgspec.convert(city, CityMean, strict=False),
        row["intensity_per"],
        None if peers is None else msgspec.convert(peers, FarmPeers, strict=False),
    )
    return Label(
        row["year"],
        row["n"],
        grade,
        row["rule_version"],
        row["decided_at"],
        row["valid_until"],
        row["looked_at"],
        row["cause"],
        row["contested"],
        row["suspended"],
        row["expiry_told"] is not None and row["expiry_told"] == row["valid_until"],
    )


def _fraction(numerator: Decimal | None, denominator: Decimal | None) -> Fraction | None:
    if numerator is None or denominator is None:
        return None
    return Fraction(int(numerator), int(denominator))
