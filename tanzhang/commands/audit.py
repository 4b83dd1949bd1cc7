"""`tanzhang audit`: is every figure what it was made of?"""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from tanzhang.commands.options import DEFAULT_DIRECTORY, DataDir, DomainServiceName

if TYPE_CHECKING:
    from tanzhang.audit import Check, Report

SHOWN = 10
DEFAULT_PORT = 8107


def audit(
    data_dir: DataDir = DEFAULT_DIRECTORY,
    json: Annotated[bool, typer.Option("--json", help="All of it, as JSON.")] = False,
    service: Annotated[
        list[DomainServiceName] | None,
        typer.Option(help="Only these services, and what passes between them; repeat it."),
    ] = None,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds that what is under way is waited for.")
    ] = 30.0,
    every: Annotated[
        float | None,
        typer.Option(min=1, help="Audit every so many seconds, until SIGTERM: see --port."),
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            min=0,
            max=65_535,
            help="With --every: where /livez, /readyz and /metrics are. What is wrong is in the "
            "metrics tanzhang_audit_*; it does not end the process.",
        ),
    ] = DEFAULT_PORT,
) -> None:
    """Check the ledgers of a running system, and what passed between its services.

    Takes the stack of the data directory, or without one the databases and Kafka that the
    environment names. Reads only. Every ledger is checked against its own entries in one
    snapshot; points against reductions and labels against accounts as far as they have been
    passed on: what is still on its way is looked at again, then told as in flight.

    Exit code 0 when nothing is wrong, 1 when something is, 2 when it cannot be told. With
    --every: 0 after SIGTERM, 1 when it cannot serve.
    """
    from shared.settings import SettingsError
    from tanzhang.audit import errors
    from tanzhang.stack import StackError

    chosen = [s.value for s in service or DomainServiceName]
    if every is not None and json:
        raise typer.BadParameter("--json is for one audit: --every shows metrics")
    try:
        if every is not None:
            raise typer.Exit(_serve(data_dir, chosen, wait, every, port))
        report = asyncio.run(_audit(data_dir, chosen, wait))
    except (StackError, SettingsError, errors.AuditError) as error:
        typer.echo(f"tanzhang: {error}", err=True)
        raise typer.Exit(2) from error
    if json:
        typer.echo(_json(report))
    else:
        _print(report)
    if report.wrong:
        raise typer.Exit(1)


def _serve(
    data_dir: DataDir, services: list[str], wait: float, every_seconds: float, port: int
) -> int:
    """The auditor until it is stopped; its exit code."""
    from functools import partial

    from shared.logging import configure
    from tanzhang import serving
    from tanzhang.audit import audit as audit_all
    from tanzhang.audit import auditor
    from tanzhang.stack import directory

    settings, _ = directory.settings_of(data_dir)
    configure(auditor.NAME, settings.tanzhang_log_level)
    look = partial(audit_all, settings, services, wait_seconds=wait)
    app = auditor.create(settings, look, every_seconds)
    return serving.serve(app, settings.tanzhang_host, port)


async def _audit(data_dir: DataDir, services: list[str], wait: float) -> "Report":
    from asyncpg import PostgresError

    from shared.database import TRANSIENT, reason
    from tanzhang.audit import audit as audit_all
    from tanzhang.audit import count
    from tanzhang.audit.errors import AuditError
    from tanzhang.commands.progress import counting_bar
    from tanzhang.stack import directory

    settings, _ = directory.settings_of(data_dir)
    try:
        with counting_bar("audit", count(services), terminal_only=True) as step:
            return await audit_all(settings, services, wait_seconds=wait, on_check=lambda _: step())
    except (*TRANSIENT, PostgresError) as error:
        raise AuditError(f"a database does not answer: {reason(error)}") from error


def _print(report: "Report") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False, soft_wrap=True)
    table = Table("check", title="audit 核对")
    for column in ("accounts", "rows", "wrong", "in flight"):
        table.add_column(column, justify="right")
    for check in report.checks:
        figures = (check.accounts, check.rows, len(check.wrong), len(check.in_flight))
        table.add_row(check.name, *(f"{figure:,}" for figure in figures))
    console.print(table)
    for check in report.checks:
        for line in _lines(check):
            console.print(line)
    console.print(_summary(report))


def _lines(check: "Check") -> list[str]:
    lines = [f"note   {check.name}: {check.note}"] if check.note else []
    for word, found in (("WRONG ", check.wrong), ("flight", check.in_flight)):
        lines += [f"{word} {check.name}: {difference}" for difference in found[:SHOWN]]
        if len(found) > SHOWN:
            lines.append(f"{word} {check.name}: {len(found) - SHOWN} more, see --json")
    return lines


def _summary(report: "Report") -> str:
    if report.wrong:
        return f"{report.wrong} wrong"
    if report.in_flight:
        return f"nothing wrong; {report.in_flight} in flight, to be compared when they have arrived"
    return "all agrees"


def _json(report: "Report") -> str:
    import msgspec

    whole = {"wrong": report.wrong, "in_flight": report.in_flight, "checks": report.checks}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode()
