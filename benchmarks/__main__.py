"""`python -m benchmarks NAME ...`"""

import asyncio
import logging
import signal
from collections.abc import Coroutine
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop

from benchmarks import BenchmarkError, report, table
from benchmarks.options import WORKERS, Options
from benchmarks.report import Result
from tanzhang.stack import StackError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Name(StrEnum):
    """What can be measured."""

    chain = "chain"
    limit = "limit"
    ingest = "ingest"
    latency = "latency"
    readings = "readings"
    growth = "growth"
    scale = "scale"
    memory = "memory"
    hot = "hot"
    behind = "behind"
    accounts = "accounts"
    devices = "devices"
    caps = "caps"
    webhooks = "webhooks"
    all = "all"


# The bare figures come with the chain, which comes first: others stand beside them.
_ALL = (
    "chain", "ingest", "latency", "readings", "devices", "accounts", "growth", "scale", "memory",
    "hot", "caps", "webhooks", "behind",
)  # fmt: skip
_MODULES: dict[str, str] = {"limit": "chain"}


@app.command()
def measure(
    names: Annotated[list[Name], typer.Argument(help="What to measure, in this order.")],
    kafka: Annotated[
        bool, typer.Option(help="Apache Kafka 4 instead of the embedded one.")
    ] = False,
    short: Annotated[bool, typer.Option(help="Small sizes: does it work?")] = False,
    count: Annotated[
        int | None, typer.Option(min=1000, help="Events, instead of the size.")
    ] = None,
    seconds: Annotated[int | None, typer.Option(min=2, help="Duration of a steady load.")] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=12, help="Processes of each service.")
    ] = WORKERS,
    limit: Annotated[bool, typer.Option(help="chain: measure the bare figures too.")] = True,
    profile: Annotated[
        Path | None, typer.Option(help="Record the processes with py-spy into this directory.")
    ] = None,
    directory: Annotated[
        Path | None, typer.Option(help="Where servers keep their data; a disk, not memory.")
    ] = None,
    keep: Annotated[bool, typer.Option(help="Leave data and logs there.")] = False,
) -> None:
    """Measure on this machine; standard runs are kept in benchmarks/results and RESULTS.md.

    Runs with other sizes, workers or a profile go to .cache/benchmarks.
    """
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    options = Options(kafka, short, count, seconds, workers, limit, profile, directory, keep)
    chosen = [_MODULES.get(name.value, name.value) for name in names if name is not Name.all]
    for module in dict.fromkeys([*chosen, *(_ALL if Name.all in names else ())]):
        _measure(module, options)


def _measure(name: str, options: Options) -> None:
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            results = runner.run(_cleanly(import_module(f"benchmarks.{name}").run(options)))
    except asyncio.CancelledError:
        raise typer.Exit(143) from None
    except (BenchmarkError, StackError) as error:
        typer.echo(f"{name}: {error}", err=True)
        raise typer.Exit(1) from None
    for result in results:
        report.show(result)
        typer.echo(f"{report.save(options, result)}")
    if options.is_standard():
        table.write()


async def _cleanly(work: Coroutine[Any, Any, list[Result]]) -> list[Result]:
    """Do it; SIGTERM ends it with its servers stopped and their data removed."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


if __name__ == "__main__":
    app()
