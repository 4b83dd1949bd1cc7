"""Progress on stderr: bars on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

STEPS = 10


@dataclass(slots=True)
class Teller:
    """Says what happens. `clock` counts seconds."""

    console: Console
    clock: Callable[[], float] = time.monotonic
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = self.clock()

    def say(self, text: str) -> None:
        """One line, with the seconds since the beginning."""
        self.console.print(f"[{self.clock() - self._began:6.1f} s] {text}")

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Callable[[int], None]]:
        """A stage of `total` steps; gives what is told how many are done."""
        if self.console.is_terminal:
            with self._bar() as progress:
                task = progress.add_task(title, total=total)
                yield lambda done: progress.update(task, completed=done)
        else:
            yield self._lines(title, total)
        self.say(f"{title}: {total:,} done")

    def _bar(self) -> Progress:
        return Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
        )

    def _lines(self, title: str, total: int) -> Callable[[int], None]:
        """A line for every tenth of the way."""
        told = 0

        def moved(done: int) -> None:
            nonlocal told
            tenth = done * STEPS // total if total else STEPS
            if told < tenth < STEPS:
                told = tenth
                self.say(f"{title}: {done:,} of {total:,}")

        return moved


def teller() -> Teller:
    """On stderr, so that stdout has the result alone."""
    return Teller(Console(stderr=True, highlight=False, markup=False, soft_wrap=True))
