"""The bare figures beside which the others stand: posting and reading without any rule.

The same entries, columns, indexes and batch size, copied in; no fence, no deduplication, no rules, no
outbox, everything prepared beforehand. Both ledgers side by side, a process and a connection
each, as the services do it.
"""

import asyncio
import multiprocessing
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from typing import Any

import asyncpg

from benchmarks import BenchmarkError, consume, report
from benchmarks.options import Options
from benchmarks.processes import Usage
from benchmarks.report import Figure, Result
from benchmarks.stage import Stage
from shared.database.migrations import migrate

PATIENCE_SECONDS = 120
READINGS_MAX = 200_000
SAVE = """
update account a set sequence = s.sequence, balance = s.balance
from unnest($1::bigint[], $2::bigint[], $3::bigint[]) s(number, sequence, balance)
where a.number = s.number
"""


@dataclass(slots=True, frozen=True)
class Copy:
    """Rows of one table."""

    table: str
    columns: Sequence[str]
    rows: Sequence[tuple[Any, ...]]


@dataclass(slots=True, frozen=True)
class Ledger:
    """What is posted into one ledger: per batch its rows, and the arrays of its accounts."""

    service: str
    batches: list[tuple[list[Copy], list[Any]]]
    numbers: list[int]


async def measure(stage: Stage, options: Options, payments: int, produced: float) -> Result:
    """Post what the services posted again, bare, and read the topic again, bare."""
    size = stage.settings.tanzhang_batch_rows
    ledgers = [
        await _ledger(stage, "personal", ("ledger_entry",), "amount_mg", size),
        await _ledger(stage, "points", ("posting",), "points", size),
    ]
    seconds, usage = await _posted(stage, ledgers)
    consumed = await consume.rate(stage.settings, "payments", payments)
    rates = {name: payments / taken for name, taken in seconds.items()}
    return Result(
        name="limit",
        broker=report.broker_name(options),
        input={"payments": payments, "batch": stage.settings.tanzhang_batch_rows},
        figures={
            "posting": Figure(round(min(rates.values()), 1), "payments per second"),
            **{
                f"{n} posting": Figure(round(r, 1), "payments per second") for n, r in rates.items()
            },
            "reading": Figure(round(consumed, 1), "records per second"),
            "producing": Figure(round(produced, 1), "records per second"),
        },
        processes=usage,
        events=payments,
    )


async def readings(stage: Stage, count: int) -> float:
    """Post the facts and entries of readings again, bare, of 200,000 at the most; their number per
    second."""
    count = min(count, READINGS_MAX)
    batches = -(-count // stage.settings.tanzhang_batch_rows)
    tables = ("ledger_entry", "fact")
    async with stage.connected("industrial") as connection:
        entries = await connection.fetchval("select count(*) from ledger_entry")
    size = -(-min(entries, count) // batches)
    ledger = await _ledger(stage, "industrial", tables, "amount_mg", size, count)
    seconds, _ = await _posted(stage, [ledger])
    return count / seconds["industrial"]


async def _posted(
    stage: Stage, ledgers: Sequence[Ledger]
) -> tuple[dict[str, float], dict[str, Usage]]:
    """Post side by side into tables of their own; the seconds of each, and what it took."""
    for ledger in ledgers:
        await _prepare(stage, ledger)
    watch = stage.watch()
    watch.begin()
    seconds, cpu = await asyncio.to_thread(_post, stage, ledgers)
    server = [used for name, used in watch.end().items() if name.startswith("postgres")]
    usage = {name: Usage(round(taken, 3), 0) for name, taken in cpu.items()}
    usage["postgres"] = Usage(round(sum(used.cpu_seconds for used in server), 3), 0)
    return seconds, usage


async def _ledger(
    stage: Stage,
    service: str,
    tables: Sequence[str],
    amount: str,
    size: int,
    most: int | None = None,
) -> Ledger:
    """What the service has posted, in that order: batches of `size` rows of the first table.

    The rows of further tables are shared out over as many batches; of each table the first `most`.
    """
    balances: dict[int, tuple[int, int]] = {}
    async with stage.connected(service) as connection:
        found = [
            await connection.fetch(f"select * from {table} order by ctid limit $1", most)
            for table in tables
        ]
    starts = range(0, len(found[0]), size)
    saved = [_saved(found[0][at : at + size], amount, balances) for at in starts]
    copies = [_copies(table, rows, len(starts)) for table, rows in zip(tables, found, strict=True)]
    batches = [list(of_batch) for of_batch in zip(*copies, strict=True)]
    return Ledger(service, list(zip(batches, saved, strict=True)), list(balances))


def _copies(table: str, rows: Sequence[asyncpg.Record], parts: int) -> list[Copy]:
    size = -(-len(rows) // parts)
    columns = list(rows[0].keys())
    starts = range(0, parts * size, size)
    return [
        Copy(table, columns, [tuple(r.values()) for r in rows[at : at + size]]) for at in starts
    ]


def _saved(
    rows: Sequence[asyncpg.Record], amount: str, balances: dict[int, tuple[int, int]]
) -> list[Any]:
    """The arrays of the accounts of these rows, as the rows leave them."""
    for row in rows:
        sequence, balance = balances.get(row["account"], (0, 0))
        sequence = max(sequence, row["sequence"] or 0)
        balances[row["account"]] = sequence, balance + row[amount]
    touched = sorted({row["account"] for row in rows})
    return [touched, *map(list, zip(*(balances[n] for n in touched), strict=True))]


async def _prepare(stage: Stage, ledger: Ledger) -> None:
    name = f"bare-{ledger.service}"
    await stage.postgres.create_database(name)
    await migrate(stage.postgres.url(name), ledger.service)
    connection = await asyncpg.connect(stage.postgres.url(name))
    try:
        await connection.copy_records_to_table(
            "account",
            schema_name=ledger.service,
            columns=["number"],
            records=[(n,) for n in ledger.numbers],
        )
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()


def _post(stage: Stage, ledgers: Sequence[Ledger]) -> tuple[dict[str, float], dict[str, float]]:
    """Post side by side; seconds and CPU seconds by name."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(len(ledgers)), context.SimpleQueue()
    started = [
        context.Process(
            target=_bare,
            args=(stage.postgres.url(f"bare-{ledger.service}"), ledger, barrier, results),
        )
        for ledger in ledgers
    ]
    for process in started:
        process.start()
    for process in started:
        process.join(PATIENCE_SECONDS)
        if process.exitcode != 0:
            raise BenchmarkError(f"bare posting ended with {process.exitcode}")
    found = [results.get() for _ in started]
    return {f[0]: f[1] for f in found}, {f"bare {f[0]}": f[2] for f in found}


def _bare(url: str, ledger: Ledger, barrier: Barrier, results: Any) -> None:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        seconds, cpu = runner.run(_bare_posting(url, ledger, barrier))
    results.put((ledger.service, seconds, cpu))


async def _bare_posting(url: str, ledger: Ledger, barrier: Barrier) -> tuple[float, float]:
    connection = await asyncpg.connect(url, server_settings={"search_path": ledger.service})
    barrier.wait(PATIENCE_SECONDS)
    began, cpu = time.perf_counter(), _cpu()
    for copies, saved in ledger.batches:
        async with connection.transaction():
            for copy in copies:
                await connection.copy_records_to_table(
                    copy.table, columns=copy.columns, records=copy.rows
                )
            await connection.execute(SAVE, *saved)
    taken = time.perf_counter() - began, _cpu() - cpu
    await connection.close()
    return taken


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
