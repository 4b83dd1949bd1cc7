"""`tanzhang restate`: industrial accounts computed again with the registry and figures of now."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from tanzhang.commands.close import operator
from tanzhang.commands.options import DEFAULT_DIRECTORY, DataDir, Operator

if TYPE_CHECKING:
    from services.industrial.domain.restatement import Restatement
    from services.industrial.restating import Choice, Step
    from shared.settings import Settings

SHOWN = 20


def restate(
    year: Annotated[
        int | None, typer.Option(min=1990, max=2100, help="Only this year. Default: all open ones.")
    ] = None,
    enterprise: Annotated[str | None, typer.Option(help="Only this enterprise, by its id.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change; write nothing.")
    ] = False,
    reopen: Annotated[
        bool, typer.Option("--reopen", help="Closed years too; they stay closed afterwards.")
    ] = False,
    reason: Annotated[
        str | None, typer.Option(help="Why; kept with what changed. Needed with --reopen.")
    ] = None,
    by: Operator = None,
    data_dir: DataDir = DEFAULT_DIRECTORY,
) -> None:
    """Compute industrial accounts again: after a new factor version or a corrected registry entry.

    Takes the stack of the data directory, or without one the database that the environment
    names. Whatever would be posted otherwise now is taken back and posted anew; both versions
    stay among the entries, with the cause `restated`. An account is one transaction, and its
    states are told once: labels follow. Can be run on a running system; interrupted, run it
    again. What is restated already changes nothing.

    Exit code 1 when events cannot be computed any more: they stay as they are, and are named.
    """
    from services.industrial.restating import Choice
    from tanzhang.stack import directory

    why = (reason or "").strip() or None
    if reopen and why is None and not dry_run:
        raise typer.BadParameter("expected a reason to restate closed years", param_hint="--reason")
    settings, _ = directory.settings_of(data_dir)
    choice = Choice(year, enterprise, reopen, why, operator(by), dry_run)
    found = asyncio.run(_restate(settings, choice))
    _print(found, dry_run)
    if any(one.unchanged for one in found):
        raise typer.Exit(1)


async def _restate(settings: "Settings", choice: "Choice") -> "list[Restatement]":
    from datetime import UTC, datetime

    from services.industrial.restating import Restater
    from shared.units.calendar import Zone
    from tanzhang.commands.ledger import at_work

    async with at_work(settings, "industrial") as (pool, poster):
        restater = Restater(pool, poster, Zone(settings.tanzhang_zone))
        with _progress() as on_account:
            return await restater.run(choice, datetime.now(UTC), on_account)


def _print(found: "list[Restatement]", dry_run: bool) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False, soft_wrap=True)
    for line in (*_changes(found), *_lines(found)):
        console.print(line)
    console.print(_summary(found, dry_run))


def _changes(found: "list[Restatement]") -> Iterator[str]:
    """A paragraph for each account and year: figures are long, and must not be cut."""
    from shared.units.amount import tonnes_text

    for one in found:
        for year, changed in sorted(one.years.items()):
            before, after = changed.before_mg, changed.after_mg
            yield (
                f"{one.subject} {year}: {tonnes_text(before)} t before, {tonnes_text(after)} t "
                f"after, difference {tonnes_text(after - before)} t in {changed.events:,} events"
            )
            yield from (f"  takes back {text}" for text in _counts(changed.replaced))
            yield from (f"  posts      {text}" for text in _counts(changed.posted))


def _counts(sets: "dict[str, int]") -> list[str]:
    return [f"{count:,} entries of {name}" for name, count in sorted(sets.items())]


def _lines(found: "Iterable[Restatement]") -> Iterator[str]:
    for one in found:
        for event in one.unchanged[:SHOWN]:
            yield f"stays  {one.subject}: {event.source} {event.event_id}: {event.detail}"
        if len(one.unchanged) > SHOWN:
            yield f"stays  {one.subject}: {len(one.unchanged) - SHOWN:,} more"
        if one.left:
            yield f"closed {one.subject}: {one.left:,} events reach into a closed year and stay"


def _summary(found: "list[Restatement]", dry_run: bool) -> str:
    accounts = [one for one in found if one.years]
    if not accounts:
        return "nothing differs"
    years = sum(len(one.years) for one in accounts)
    verb = "would change; nothing was written" if dry_run else "changed"
    return f"{years:,} years of {len(accounts):,} enterprises {verb}"


@contextmanager
def _progress() -> "Iterator[Callable[[Step], None]]":
    """A bar over accounts on stderr; gives what is called after each."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("accounts", total=None)
        yield lambda step: progress.update(task, completed=step.looked_at, total=step.accounts)
