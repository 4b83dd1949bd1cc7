"""RESULTS.md: what the kept results say, for people."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks import report
from benchmarks.report import Result

PAGE = report.HERE / "RESULTS.md"
ORDER = (
    "chain", "limit", "ingest", "latency", "readings", "devices", "accounts", "growth", "scale",
    "memory", "hot", "caps", "webhooks", "behind",
)  # fmt: skip
HEAD = """# Results

Made by `make bench` (`python -m benchmarks all`, and again with `--kafka`); do not edit.

Everything runs on one machine: the services as processes of their own, PostgreSQL with the
settings of `tanzhang up` (every commit flushed to disk), the broker, and the client. A run that
loses an event, counts one twice or ends with sums that differ gives no result. "Of the bare one"
is the share of what the same machine does without any rule: the same rows copied into the same
tables with the same batch size, both ledgers side by side (`limit`); for the door, of what aiokafka's own
producer sends. The peak memory of PostgreSQL's processes has in each the shared pages it touched.
"""


def write() -> Path:
    """Write the page from all kept results."""
    found = [r for name in ORDER for r in _results(name)]
    parts = [HEAD, *_machines(found), *(section for r in found for section in _section(r))]
    PAGE.write_text("\n".join(parts).rstrip() + "\n")
    return PAGE


def _results(name: str) -> Iterator[Result]:
    for broker in ("embedded", "kafka"):
        result = report.load(report.RESULTS, name, broker)
        if result is not None:
            yield result


def _machines(results: Iterable[Result]) -> Iterator[str]:
    """Each machine with its versions once; usually there is one per broker."""
    described: dict[str, set[str]] = {}
    for result in results:
        if result.machine is not None:
            where = result.machine
            versions = ", ".join(f"{name} {number}" for name, number in result.versions.items())
            text = (
                f"{where.cores} cores ({where.processor}), {where.memory_gb:g} GB, "
                f"Linux {where.kernel}; {versions}; commit {result.commit}"
            )
            described.setdefault(text, set()).add(f"{result.name} ({result.broker})")
    for text, names in described.items():
        yield f"- {', '.join(sorted(names))}: {text}"
    yield ""


def _section(result: Result) -> Iterator[str]:
    given = ", ".join(f"{name} {report.number(value)}" for name, value in result.input.items())
    broker = "Apache Kafka" if result.broker == "kafka" else "embedded broker"
    yield f"## {result.name}, {broker}\n"
    yield f"{given}; {result.at:%Y-%m-%d}\n"
    yield "| figure | value | unit | of the bare one |\n|---|---:|---|---:|"
    for name, figure in result.figures.items():
        ratio = "" if figure.of_limit is None else f"{figure.of_limit:.0%}"
        yield f"| {name} | {report.number(figure.value)} | {figure.unit} | {ratio} |"
    yield ""
    if result.processes:
        yield "| process | CPU µs per event | peak MB |\n|---|---:|---:|"
        for name, usage in result.processes.items():
            peak = f"{usage.peak_mb:.0f}" if usage.peak_mb else ""
            yield f"| {name} | {report.per_event(result, usage)} | {peak} |"
        yield ""
