"""`tanzhang close`: a year of the industrial accounts, closed or opened again."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from tanzhang.commands.options import (
    DEFAULT_DIRECTORY,
    AccountingService,
    ClosingService,
    DataDir,
    Operator,
)

if TYPE_CHECKING:
    from services.industrial.closing import Closed, Reopened
    from shared.settings import Settings


def close(
    year: Annotated[int, typer.Argument(min=1990, max=2100, help="A year that is over.")],
    reopen: Annotated[
        bool, typer.Option("--reopen", help="Open it again, and post what waited for it.")
    ] = False,
    reason: Annotated[
        str | None, typer.Option(help="Why; kept in the year's history. Needed to open it.")
    ] = None,
    service: ClosingService = AccountingService.industrial,
    by: Operator = None,
    data_dir: DataDir = DEFAULT_DIRECTORY,
) -> None:
    """Close a year: later events for it wait, and its figures stay as they are.

    Takes the stack of the data directory, or without one the database that the environment
    names. Can be run on a running system: what is being posted is waited for. An event waits as
    a whole when any of its lines would be in a closed year, or would take one back there; 90 days
    at the most, then it is a dead letter that can be replayed.

    --reopen posts what waited, account by account. If that is interrupted, run it again.
    """
    from tanzhang.stack import directory

    if reopen and not (reason or "").strip():
        raise typer.BadParameter("expected a reason to open a year again", param_hint="--reason")
    settings, _ = directory.settings_of(data_dir)
    if reopen:
        assert reason is not None
        _tell_reopened(asyncio.run(_reopen(settings, service, year, reason, operator(by))))
    else:
        _tell_closed(asyncio.run(_close(settings, service, year, reason, operator(by))))


def operator(given: str | None) -> str:
    """Who does it: as given, else the user of this machine."""
    import getpass

    if given:
        return given
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


async def _close(
    settings: "Settings", service: AccountingService, year: int, reason: str | None, by: str
) -> "Closed":
    from datetime import UTC, datetime

    from services.industrial import closing
    from shared.units.calendar import Zone
    from tanzhang.commands.ledger import at_work

    async with at_work(settings, service.value) as (pool, _):
        now, zone = datetime.now(UTC), Zone(settings.tanzhang_zone)
        return await closing.close(pool, year, reason, by, now, zone)


async def _reopen(
    settings: "Settings", service: AccountingService, year: int, reason: str, by: str
) -> "Reopened":
    from datetime import UTC, datetime

    from services.industrial import closing
    from tanzhang.commands.ledger import at_work

    async with at_work(settings, service.value) as (pool, poster):
        return await closing.reopen(pool, poster, year, reason, by, datetime.now(UTC))


def _tell_closed(closed: "Closed") -> None:
    from shared.units.amount import tonnes_text

    word = "was closed before" if closed.before else "closed"
    typer.echo(
        f"{closed.year} {word}: {closed.accounts:,} accounts, {tonnes_text(closed.total_mg)} t; "
        f"{closed.waiting:,} events wait for it"
    )


def _tell_reopened(done: "Reopened") -> None:
    word = "was open before" if done.before else "open again"
    typer.echo(
        f"{done.year} {word}: {done.posted:,} events of {done.accounts:,} accounts posted, "
        f"{done.parked:,} wait for something else, {done.refused:,} refused"
    )
