"""What a decision writes: states, labels, history."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec

from services.grading.store.held import (
    AccountState,
    HistoryRow,
    LabelRow,
    Rows,
    kind_of,
    sector_of,
)
from shared.database import Connection
from shared.events.types import AgriAccount

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
    rule_version, decided_at, valid_until, looked_at, cause, city, contested, suspended,
    intensity_per, peers, expiry_told)
select * from unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::int[], $6::text[],
    $7::text[], $8::numeric[], $9::numeric[], $10::numeric[], $11::numeric[], $12::jsonb[],
    $13::jsonb[], $14::jsonb[], $15::text[], $16::timestamptz[], $17::timestamptz[],
    $18::timestamptz[], $19::text[], $20::jsonb[], $21::boolean[], $22::boolean[],
    $23::text[], $24::jsonb[], $25::timestamptz[])
on conflict (account, year) do update set
    sector = excluded.sector, n = excluded.n, label = excluded.label, missing = excluded.missing,
    intensity_numerator = excluded.intensity_numerator,
    intensity_denominator = excluded.intensity_denominator,
    ratio_numerator = excluded.ratio_numerator, ratio_denominator = excluded.ratio_denominator,
    benchmark = excluded.benchmark, dimensions = excluded.dimensions, reason = excluded.reason,
    rule_version = excluded.rule_version, decided_at = excluded.decided_at,
    valid_until = excluded.valid_until, looked_at = excluded.looked_at, cause = excluded.cause,
    city = excluded.city, contested = excluded.contested, suspended = excluded.suspended,
    intensity_per = excluded.intensity_per, peers = excluded.peers,
    expiry_told = excluded.expiry_told
"""
WRITE_HISTORY = """
insert into label_history (account, year, n, epoch, sequence, label, previous, ratio_numerator,
    ratio_denominator, benchmark_version, rule_version, data, decided_at, cause)
select * from unnest($1::bigint[], $2::int[], $3::int[], $4::int[], $5::bigint[], $6::text[],
    $7::text[], $8::numeric[], $9::numeric[], $10::text[], $11::text[], $12::jsonb[],
    $13::timestamptz[], $14::text[])
"""


EXPIRE = """
update label l set n = told.n, expiry_told = l.valid_until
from unnest($1::bigint[], $2::int[], $3::int[]) told(account, year, n)
where l.account = told.account and l.year = told.year
"""


async def write(connection: Connection, rows: Rows) -> None:
    """Store a decision: states, labels, history."""
    await _insert(connection, WRITE_STATES, [_state_columns(n, s) for n, s in rows.states])
    await _insert(connection, WRITE_LABELS, [_label_columns(row) for row in rows.labels])
    await _insert(connection, WRITE_HISTORY, [_history_columns(row) for row in rows.history])


async def expire(connection: Connection, told: Sequence[HistoryRow]) -> None:
    """Store that these labels have been announced as expired."""
    keys = [(row.account, row.label.year, row.label.n) for row in told]
    await _insert(connection, EXPIRE, keys)
    await _insert(connection, WRITE_HISTORY, [_history_columns(row) for row in told])


async def _insert(connection: Connection, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        await connection.execute(sql, *(list(column) for column in zip(*rows, strict=True)))


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
        msgspec.to_builtins(grade.city),
        label.contested,
        label.suspended,
        grade.intensity_per,
        msgspec.to_builtins(grade.peers),
        label.valid_until if label.told_expired else None,
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
        row.at,
        row.cause,
    )


def _parts(value: Fraction | None) -> tuple[Decimal | None, Decimal | None]:
    """Numerator and denominator as numeric columns: the exact value survives."""
    if value is None:
        return None, None
    return Decimal(value.numerator), Decimal(value.denominator)
