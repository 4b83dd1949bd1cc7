"""The SQL of grading: states, labels, their history and benchmarks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

import asyncpg
import msgspec

from services.grading.domain.benchmarks import Benchmark, Cuts
from services.grading.domain.dimensions import City
from services.grading.domain.grades import Grade, Label
from shared.database import Connection
from shared.events.types import AgriAccount, IndustrialAccount, LabelChanged

AccountState = IndustrialAccount | AgriAccount
STATE_TYPES: dict[str, type[IndustrialAccount] | type[AgriAccount]] = {
    "industrial": IndustrialAccount,
    "agri": AgriAccount,
}

STATES = """
select s.subject, a.year, a.kind, a.data
from account_state a join subject s on s.account = a.account
where a.account = any($1::bigint[])
"""
LABELS = """
select s.subject, l.* from label l join subject s on s.account = l.account
where l.account = any($1::bigint[])
"""
BENCHMARKS = """
select distinct on (b.sector, b.product, b.year) b.*
from benchmark b
join unnest($1::text[], $2::text[]) w(sector, product)
    on w.sector = b.sector and w.product = b.product
order by b.sector, b.product, b.year, b.version desc
"""
# Held together by whoever decides labels, alone by whoever changes a benchmark. Taken after the
# accounts, so that nobody waits in a circle.
BENCHMARKS_STAND = "select pg_advisory_xact_lock_shared(hashtext('grading.benchmark'), 1)"
BENCHMARKS_CHANGE = "select pg_advisory_xact_lock(hashtext('grading.benchmark'), 1)"
CITY = """
select year, sum(total_t), sum(value_added), count(*)
from account_state where kind = 'industrial' and value_added > 0 and year = any($1::int[])
group by year
"""
WRITE_STATES = """
insert into account_state (account, year, kind, epoch, sequence, sector, district, product,
    product_unit, total_t, gross_t, output, value_added, months_energy, months_output, quality, data)
select * from unnest($1::bigint[], $2::int[], $3::text[], $4::int[], $5::bigint[], $6::text[],
    $7::text[], $8::text[], $9::text[], $10::numeric[], $11::numeric[], $12::numeric[],
    $13::numeric[], $14::int[], $15::int[], $16::jsonb[], $17::jsonb[])
on conflict (account, year) do update set
    epoch = excluded.epoch, sequence = excluded.sequence, sector = excluded.sector,
    district = excluded.district, product = excluded.product,
    product_unit = excluded.product_unit, total_t = excluded.total_t, gross_t = excluded.gross_t,
    output = excluded.output, value_added = excluded.value_added,
    months_energy = excluded.months_energy, months_output = excluded.months_output,
    quality = excluded.quality, data = excluded.data
"""
WRITE_LABELS = """
insert into label (account, year, kind, sector, n, label, missing, intensity_numerator,
    intensity_denominator, ratio_numerator, ratio_denominator, benchmark, dimensions, reason,
    rule_version, decided_at, valid_until, looked_at, cause)
select * from unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::int[], $6::text[],
    $7::text[], $8::numeric[], $9::numeric[], $10::numeric[], $11::numeric[], $12::jsonb[],
    $13::jsonb[], $14::jsonb[], $15::text[], $16::timestamptz[], $17::timestamptz[],
    $18::timestamptz[], $19::text[])
on conflict (account, year) do update set
    sector = excluded.sector, n = excluded.n, label = excluded.label, missing = excluded.missing,
    intensity_numerator = excluded.intensity_numerator,
    intensity_denominator = excluded.intensity_denominator,
    ratio_numerator = excluded.ratio_numerator, ratio_denominator = excluded.ratio_denominator,
    benchmark = excluded.benchmark, dimensions = excluded.dimensions, reason = excluded.reason,
    rule_version = excluded.rule_version, decided_at = excluded.decided_at,
    valid_until = excluded.valid_until, looked_at = excluded.looked_at, cause = excluded.cause
"""
WRITE_HISTORY = """
insert into label_history (account, year, n, epoch, sequence, label, previous, ratio_numerator,
    ratio_denominator, benchmark_version, rule_version, data, decided_at, cause)
select * from unnest($1::bigint[], $2::int[], $3::int[], $4::int[], $5::bigint[], $6::text[],
    $7::text[], $8::numeric[], $9::numeric[], $10::text[], $11::text[], $12::jsonb[],
    $13::timestamptz[], $14::text[])
"""


@dataclass(slots=True)
class Held:
    """What is stored about the accounts of a batch, by subject and year."""

    states: dict[str, dict[int, AccountState]] = field(default_factory=dict)
    labels: dict[str, dict[int, Label]] = field(default_factory=dict)
    benchmarks: tuple[Benchmark, ...] = ()
    city: dict[int, City] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class LabelRow:
    """A label of an account; `sector` is carried for lists."""

    account: int
    kind: str
    sector: str
    label: Label


@dataclass(slots=True, frozen=True)
class HistoryRow:
    """A label that is announced, with the data sent."""

    account: int
    label: Label
    data: LabelChanged


@dataclass(slots=True)
class Rows:
    """What a decision writes."""

    states: list[tuple[int, AccountState]] = field(default_factory=list)
    labels: list[LabelRow] = field(default_factory=list)
    history: list[HistoryRow] = field(default_factory=list)


async def load(
    connection: Connection, accounts: Sequence[int], arriving: Sequence[AccountState]
) -> Held:
    """States and labels of these accounts, and what those and the arriving states refer to."""
    held = Held()
    for row in await connection.fetch(STATES, accounts):
        held.states.setdefault(row["subject"], {})[row["year"]] = state_of(row)
    for row in await connection.fetch(LABELS, accounts):
        held.labels.setdefault(row["subject"], {})[row["year"]] = label_of(row)
    states = [*arriving, *(s for years in held.states.values() for s in years.values())]
    industrial = [state for state in states if isinstance(state, IndustrialAccount)]
    held.benchmarks = await benchmarks(connection, {(s.sector, s.product) for s in industrial})
    held.city = await city(connection, {state.year for state in industrial})
    return held


async def benchmarks(
    connection: Connection, wanted: Iterable[tuple[str, str]]
) -> tuple[Benchmark, ...]:
    """The newest version of every year's posted benchmark of these sectors and products."""
    pairs = sorted(set(wanted))
    rows = await connection.fetch(BENCHMARKS, [p[0] for p in pairs], [p[1] for p in pairs])
    return tuple(benchmark_of(row) for row in rows)


async def city(connection: Connection, years: Iterable[int]) -> dict[int, City]:
    """The city's sums of these years."""
    rows = await connection.fetch(CITY, sorted(set(years)))
    return {row[0]: City(Fraction(row[1]), Fraction(row[2]), row[3]) for row in rows}


async def write(connection: Connection, rows: Rows) -> None:
    """Store a decision: states, labels, history."""
    await _insert(connection, WRITE_STATES, [_state_columns(n, s) for n, s in rows.states])
    await _insert(connection, WRITE_LABELS, [_label_columns(row) for row in rows.labels])
    await _insert(connection, WRITE_HISTORY, [_history_columns(row) for row in rows.history])


async def _insert(connection: Connection, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        await connection.execute(sql, *(list(column) for column in zip(*rows, strict=True)))


def kind_of(state: AccountState) -> str:
    """The kind of account that a state is of."""
    return "industrial" if isinstance(state, IndustrialAccount) else "agri"


def sector_of(state: AccountState) -> str:
    """The sector of an enterprise, the type of a farm."""
    return state.sector if isinstance(state, IndustrialAccount) else state.type


def state_of(row: asyncpg.Record) -> AccountState:
    """The state of an account_state row (`kind`, `data`)."""
    return msgspec.convert(row["data"], STATE_TYPES[row["kind"]], strict=False)


def benchmark_of(row: asyncpg.Record) -> Benchmark:
    """The benchmark of a benchmark row."""
    cuts = Cuts(row["deep_green"], row["light_green"], row["yellow"])
    return Benchmark(
        row["sector"],
        row["product"],
        row["year"],
        str(row["version"]),
        row["unit"],
        row["value"],
        cuts,
        row["kind"],
        row["source"],
    )


def label_of(row: asyncpg.Record) -> Label:
    """The label of a label row, with the benchmark it was decided by."""
    kept = row["benchmark"]
    grade = Grade(
        row["label"],
        row["reason"],
        row["dimensions"],
        row["missing"],
        _fraction(row["intensity_numerator"], row["intensity_denominator"]),
        _fraction(row["ratio_numerator"], row["ratio_denominator"]),
        None if kept is None else msgspec.convert(kept, Benchmark, strict=False),
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
    )


def _state_columns(account: int, state: AccountState) -> tuple[Any, ...]:
    head = account, state.year, kind_of(state), state.epoch, state.sequence, sector_of(state)
    data = msgspec.to_builtins(state)
    if isinstance(state, AgriAccount):
        nothing = (None,) * 5
        return (
            *head,
            state.district,
            None,
            None,
            state.neutralised_t,
            state.gross_t,
            *nothing,
            data,
        )
    return (
        *head,
        state.district,
        state.product,
        state.product_unit,
        state.total_t,
        None,
        state.output,
        state.value_added_1e4cny,
        state.months_energy,
        state.months_output,
        msgspec.to_builtins(state.quality),
        data,
    )


def _label_columns(row: LabelRow) -> tuple[Any, ...]:
    label, grade = row.label, row.label.grade
    return (
        row.account,
        label.year,
        row.kind,
        row.sector,
        label.n,
        grade.label,
        grade.missing,
        *_parts(grade.intensity),
        *_parts(grade.ratio),
        msgspec.to_builtins(grade.benchmark),
        grade.dimensions,
        grade.reason,
        label.rule_version,
        label.decided_at,
        label.valid_until,
        label.looked_at,
        label.cause,
    )


def _history_columns(row: HistoryRow) -> tuple[Any, ...]:
    label, data = row.label, row.data
    return (
        row.account,
        label.year,
        label.n,
        data.epoch,
        data.sequence,
        data.label,
        data.previous,
        *_parts(label.grade.ratio),
        data.benchmark_version,
        label.rule_version,
        msgspec.to_builtins(data),
        label.decided_at,
        label.cause,
    )


def _parts(value: Fraction | None) -> tuple[Decimal | None, Decimal | None]:
    """Numerator and denominator as numeric columns: the exact value survives."""
    if value is None:
        return None, None
    return Decimal(value.numerator), Decimal(value.denominator)


def _fraction(numerator: Decimal | None, denominator: Decimal | None) -> Fraction | None:
    if numerator is None or denominator is None:
        return None
    return Fraction(int(numerator), int(denominator))
