"""Posting the events of a file: a bar, each rejection with its line, the exit code."""

import asyncio
from array import array
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tanzhang.commands.target import Target

if TYPE_CHECKING:
    from tanzhang.cloudevents import CloudEvent
    from tanzhang.importers.reading import Fault
    from tanzhang.posting import Posted


def post_lines(
    file: Path,
    numbered: "Iterable[tuple[int, CloudEvent]]",
    count: int,
    target: Target,
    tell: "Callable[[Fault], None]",
) -> None:
    """Post events with the lines they come from; each rejection is told.

    Exit code 1 when one was rejected or posting failed.
    """
    from tanzhang.posting import PostingError

    try:
        posted = asyncio.run(_post(file, numbered, count, target, tell))
    except PostingError as error:
        typer.echo(f"tanzhang: {error}\nSending the file again is safe.", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{posted.sent} events sent, {posted.accepted} accepted, {posted.rejected} rejected")
    if posted.rejected:
        raise typer.Exit(1)


async def _post(
    file: Path,
    numbered: "Iterable[tuple[int, CloudEvent]]",
    count: int,
    target: Target,
    tell: "Callable[[Fault], None]",
) -> "Posted":
    from tanzhang.commands.progress import posting_bar
    from tanzhang.importers.reading import Fault
    from tanzhang.posting import Rejection, client, post_events

    lines = array("L")

    def drawn() -> "Iterator[CloudEvent]":
        for line, event in numbered:
            lines.append(line)
            yield event

    def report(rejection: Rejection) -> None:
        tell(Fault(lines[rejection.position], "rejected", rejection.reason()))

    async with client(target.urls["ingest"], target.token) as door:
        with posting_bar(file.name, count) as advance:
            return await post_events(door, drawn(), on_rejected=report, on_progress=advance)
