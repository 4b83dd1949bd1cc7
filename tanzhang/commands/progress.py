"""Progress bars of commands that post."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tanzhang.posting import Posted


@contextmanager
def posting_bar(title: str, total: int) -> Iterator[Callable[[Posted], None]]:
    """A bar on stderr over `total` events; gives what `post_events` calls after each batch."""
    with _bar() as progress:
        task = progress.add_task(title, total=total)
        yield lambda posted: progress.update(task, completed=posted.sent)


@contextmanager
def counting_bar(
    title: str, total: int, *, terminal_only: bool = False
) -> Iterator[Callable[[], None]]:
    """A bar over `total` steps; gives what is called after each."""
    with _bar(terminal_only=terminal_only) as progress:
        task = progress.add_task(title, total=total)
        yield lambda: progress.advance(task)


@contextmanager
def reading_bar(title: str) -> Iterator[Callable[[int], None]]:
    """A bar of rows whose number is not known before; gives what is told the rows so far."""
    with _bar() as progress:
        task = progress.add_task(title, total=None)
        yield lambda rows: progress.update(task, completed=rows)


@contextmanager
def accounts_bar(service: str) -> Iterator[Callable[[int, int, int], None]]:
    """A bar over accounts; gives what is called after each lot: done, in all, and events."""
    columns = (
        TextColumn("{task.description} accounts", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[events]:,} events"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(service, total=None, events=0)
        yield lambda done, total, events: progress.update(
            task, completed=done, total=total, events=events
        )


def _bar(*, terminal_only: bool = False) -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=terminal_only and not console.is_terminal,
    )
