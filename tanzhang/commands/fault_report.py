"""What is wrong with lines of a file: the first of it on the screen, all of it in a report."""

import csv
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from tanzhang.importers.reading import Fault

_SHOWN = 100
_HEADER = ("line", "column", "reason")


@contextmanager
def telling(
    file: Path, report: Path | None = None, *, hint: str = ""
) -> "Iterator[Callable[[Fault], None]]":
    """What is called for each fault; `hint` says where those are that the screen doesn't show.

    A report that cannot be written, or whose name another file has, is a wrong option.
    """
    told = 0
    with ExitStack() as stack:
        rows = None
        if report is not None:
            rows = csv.writer(stack.enter_context(_opened(report)))
            rows.writerow(_HEADER)

        def tell(fault: "Fault") -> None:
            nonlocal told
            told += 1
            if told <= _SHOWN:
                typer.echo(f"{file}: {fault}", err=True)
            if rows is not None:
                rows.writerow([fault.line, fault.field, fault.detail])

        try:
            yield tell
        finally:
            if told > _SHOWN:
                where = f"; all are in {report}" if report else hint
                typer.echo(f"{file}: and {told - _SHOWN} more faults{where}", err=True)


def _opened(report: Path) -> IO[str]:
    try:
        if not _is_ours(report):
            message = f"expected a new file, or an earlier report; {report} is something else"
            raise typer.BadParameter(message, param_hint="--report")
        return report.open("w", encoding="utf-8-sig", newline="")
    except OSError as error:
        raise typer.BadParameter(str(error), param_hint="--report") from error


def _is_ours(report: Path) -> bool:
    if not report.is_file():
        return True  # what is no file at all says so when it is opened
    with report.open("rb") as stream:
        first = stream.readline(100).strip()
    return not first or first == ",".join(_HEADER).encode("utf-8-sig")
