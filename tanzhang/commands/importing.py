"""`tanzhang import csv` and `tanzhang import green-button`: meter readings from files."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo

import typer

from tanzhang.commands.fault_report import telling
from tanzhang.commands.options import DEFAULT_DIRECTORY, DataDir
from tanzhang.commands.posting_lines import post_lines
from tanzhang.commands.target import IngestUrl, Target, Token, ingest_door

if TYPE_CHECKING:
    from collections.abc import Callable

    from tanzhang.importers.reading import Imported

_DEFAULT_SOURCE = "import"


class Kind(StrEnum):
    """What a value is."""

    interval = "interval"
    register = "register"


class Edge(StrEnum):
    """Which end of an interval a time names."""

    end = "end"
    start = "start"


class Midnight(StrEnum):
    """Which day a row at 00:00 belongs to."""

    same = "same"
    next = "next"


def _enterprise(text: str) -> str:
    from shared.events.identifiers import ENTERPRISE_FORM, is_enterprise

    if not is_enterprise(text):
        raise typer.BadParameter(f"expected {ENTERPRISE_FORM}, got {text!r}")
    return text


def _unit(text: str) -> str:
    from shared.units.quantity import UnitError, dimension

    try:
        dimension(text)
    except UnitError as error:
        raise typer.BadParameter(str(error)) from error
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (OSError, ValueError, KeyError) as error:
        message = f"expected a zone such as Asia/Shanghai, got {text!r}"
        raise typer.BadParameter(message) from error
    return text


def _encoding(text: str) -> str:
    from tanzhang.importers.csv_rows import is_encoding

    if not is_encoding(text):
        raise typer.BadParameter(f"unknown encoding {text!r}")
    return text


def _delimiter(text: str) -> str:
    text = text.replace("\\t", "\t")
    if len(text) != 1 or text in '"\r\n':
        raise typer.BadParameter(f"expected one character (\\t for a tab), got {text!r}")
    return text


def _step(text: str | None) -> str | None:
    from tanzhang.importers.csv import parse_step

    try:
        if text is not None:
            parse_step(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return text


File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]
EnterpriseId = Annotated[
    str, typer.Option("--enterprise", callback=_enterprise, help="Its credit code.")
]
Source = Annotated[
    str, typer.Option("--source", help="The CloudEvents source to post as, part of every identity.")
]


def import_csv(
    file: File,
    enterprise: EnterpriseId,
    meter: Annotated[str, typer.Option(help="The registered meter that the values are of.")],
    time_column: Annotated[str, typer.Option(help="Name of the column with the time.")],
    value_column: Annotated[str, typer.Option(help="Name of the column with the value.")],
    unit: Annotated[str, typer.Option(callback=_unit, help="Unit of the values.")] = "kWh",
    kind: Annotated[
        Kind, typer.Option(help="What an interval took, or what the counter shows.")
    ] = Kind.interval,
    step: Annotated[
        str | None, typer.Option(callback=_step, help="Length of an interval: 15m, 1h, 1d.")
    ] = None,
    time_is: Annotated[
        Edge, typer.Option(help="Which end of the interval the time is.")
    ] = Edge.end,
    time_format: Annotated[
        str | None, typer.Option(help="A strptime format. Default: ISO 8601 or Y/m/d H:M[:S].")
    ] = None,
    day_first: Annotated[bool, typer.Option("--day-first", help="Dates are d/m/Y.")] = False,
    month_first: Annotated[bool, typer.Option("--month-first", help="Dates are m/d/Y.")] = False,
    time_zone: Annotated[
        str, typer.Option(callback=_zone, help="Zone of times without an offset.")
    ] = "Asia/Shanghai",
    midnight_belongs: Annotated[
        Midnight,
        typer.Option(help="next: rows at 00:00 carry the date of the day that they end."),
    ] = Midnight.same,
    delimiter: Annotated[str, typer.Option(callback=_delimiter)] = ",",
    encoding: Annotated[
        str, typer.Option(callback=_encoding, help="utf-8-sig also takes files without a BOM.")
    ] = "utf-8-sig",
    skip_bad: Annotated[
        bool,
        typer.Option("--skip-bad", help="Leave out faulty rows; without it they refuse the file."),
    ] = False,
    source: Source = _DEFAULT_SOURCE,
    ingest_url: IngestUrl = None,
    token: Token = None,
    data_dir: DataDir = DEFAULT_DIRECTORY,
) -> None:
    """Post the meter readings of a CSV file. Posting a file again changes nothing."""
    from tanzhang.importers.csv import Columns, parse_step, read_csv_file

    columns = Columns(
        time=time_column,
        value=value_column,
        unit=unit,
        meter=meter,
        kind=kind.value,
        step=parse_step(step) if step is not None else None,
        time_is=time_is.value,
        time_format=time_format,
        order=_order(day_first, month_first),
        zone=ZoneInfo(time_zone),
        midnight_belongs=midnight_belongs.value,
        delimiter=delimiter,
        encoding=encoding,
    )
    _import(
        lambda: read_csv_file(file, columns, skip_bad=skip_bad),
        lambda: ingest_door(data_dir, ingest_url, token, source=source, subject=enterprise),
        file,
        enterprise,
        source,
    )


def import_green_button(
    file: File,
    enterprise: EnterpriseId,
    meter: Annotated[
        list[str] | None,
        typer.Option(help="The registered meter; once for each series of the file, in its order."),
    ] = None,
    meter_prefix: Annotated[
        str | None,
        typer.Option(help="Meters are <prefix>-<n> for the n-th usage point. Default: enterprise."),
    ] = None,
    source: Source = _DEFAULT_SOURCE,
    ingest_url: IngestUrl = None,
    token: Token = None,
    data_dir: DataDir = DEFAULT_DIRECTORY,
) -> None:
    """Post the meter readings of a Green Button (ESPI Atom) file, all usage points of it."""
    from tanzhang.importers.green_button import read_green_button
    from tanzhang.importers.reading import Imported

    def read() -> Imported:
        with file.open("rb") as stream:
            return read_green_button(stream, prefix=meter_prefix or enterprise, meters=meter or ())

    _import(
        read,
        lambda: ingest_door(data_dir, ingest_url, token, source=source, subject=enterprise),
        file,
        enterprise,
        source,
    )


def _order(day_first: bool, month_first: bool) -> Literal["ymd", "dmy", "mdy"]:
    if day_first and month_first:
        raise typer.BadParameter("expected --day-first or --month-first, not both")
    if day_first:
        return "dmy"
    return "mdy" if month_first else "ymd"


def _import(
    read: "Callable[[], Imported]",
    door: "Callable[[], Target]",
    file: Path,
    enterprise: str,
    source: str,
) -> None:
    """Read the whole file, then post; exit code 1 when anything was refused."""
    from tanzhang.importers.reading import ImportRefusedError, reading_event

    try:
        imported = read()
    except ImportRefusedError as refused:
        typer.echo(f"tanzhang: {file} is refused, nothing was posted:\n{refused}", err=True)
        raise typer.Exit(1) from refused
    for fault in imported.skipped:
        typer.echo(f"{file}: skipped {fault}", err=True)
    if imported.repeated:
        typer.echo(f"{file}: {imported.repeated} repeated readings fell together", err=True)
    events = (
        (r.line, reading_event(r, enterprise=enterprise, source=source)) for r in imported.readings
    )
    with telling(file) as tell:
        post_lines(file, events, len(imported.readings), door(), tell)
