"""Files as rows of named columns: text of any encoding, or a workbook. One row at a time."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from tanzhang.importers.cells import CellError, Value, plain_text, shown, text_of
from tanzhang.importers.csv_rows import csv_rows
from tanzhang.importers.mapping import Layout
from tanzhang.importers.reading import Fault, ImportRefusedError
from tanzhang.importers.xlsx_rows import Workbook, open_workbook

TextRows = Iterator[tuple[int, list[str]] | Fault]
_LISTED = 50
_LINE_END = re.compile(r"\r\n|\r|\n")
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"


class Row(NamedTuple):
    """`line` of the file or row of the sheet, from 1; a value for each column of the table."""

    line: int
    values: Sequence[Value]


@dataclass(frozen=True, slots=True)
class Table:
    """`columns` tells where a column stands; rows are read as they are asked for.

    `first_day` is what the workbook counts days from, None for text.
    """

    columns: Mapping[str, int]
    rows: Iterator[Row | Fault]
    first_day: datetime | None = None


@contextmanager
def open_table(path: Path, layout: Layout, wanted: Sequence[str]) -> Iterator[Table]:
    """The table of a file; ImportRefusedError when it is none or lacks a wanted column.

    A row of another length than the header is a Fault; blank rows are left out.
    """
    if not path.is_file():
        detail = "expected a file on a disk, which can be read twice; save the stream as one"
        raise ImportRefusedError([Fault(None, "file", detail)])
    with path.open("rb") as stream:
        beginning = stream.read(4)
    if beginning == _OLE:
        detail = (
            "expected text or .xlsx; this is an older workbook, or one with a password: "
            "save it as .xlsx without one"
        )
        raise ImportRefusedError([Fault(None, "file", detail)])
    if beginning == _ZIP:
        if layout.xlsx is None:
            raise _not_foreseen("a workbook", "xlsx")
        with open_workbook(path, layout.xlsx.sheet, layout.header) as workbook:
            yield _of_workbook(workbook, layout, wanted)
    else:
        if layout.csv is None:
            raise _not_foreseen("text", "csv")
        with csv_rows(path, layout.csv) as rows:
            yield _of_text(rows, layout, wanted)


def _not_foreseen(what: str, key: str) -> ImportRefusedError:
    detail = f"this is {what}, and the mapping does not say how to read one (table.{key})"
    return ImportRefusedError([Fault(None, "file", detail)])


def _of_text(rows: TextRows, layout: Layout, wanted: Sequence[str]) -> Table:
    assert layout.csv is not None
    named: Sequence[Value] = layout.csv.columns or _header(rows, layout.header)
    columns = _columns(named, wanted, layout)
    filled = [columns[plain_text(name)] for name in layout.fill_down]
    return Table(columns, _even(_filled(rows, filled) if filled else rows, len(named)))


def _of_workbook(workbook: Workbook, layout: Layout, wanted: Sequence[str]) -> Table:
    header = _header(workbook.rows, layout.header)
    columns = _columns(header, wanted, layout)
    workbook.fill({columns[plain_text(name)] for name in layout.fill_down})
    return Table(columns, _padded(workbook.rows, len(header)), workbook.first_day)


def _header(rows: Iterator[Fault | tuple[int, Sequence[Value]]], number: int) -> Sequence[Value]:
    """The row of that number; what stands above it is passed over."""
    for row in rows:
        if isinstance(row, Fault):
            if row.line == number:
                raise ImportRefusedError([row])
            continue
        line, values = row
        if line == number:
            return values
        if line > number:
            break
    detail = f"expected column names in row {number}; it is blank, or the file is shorter"
    raise ImportRefusedError([Fault(number, "header", detail)])


def _columns(header: Sequence[Value], wanted: Sequence[str], layout: Layout) -> dict[str, int]:
    """Where each column stands; every wanted one is there, and once."""
    names = [_name(name) for name in header]
    there = _listed([name for name in names if name])
    faults = []
    for name in dict.fromkeys(map(plain_text, (*wanted, *layout.fill_down))):
        if names.count(name) != 1:
            found = "is there more than once" if name in names else "is not there"
            detail = f"the column {found}; the header has {there}"
            faults.append(Fault(layout.header, name, detail))
    if faults:
        raise ImportRefusedError(faults)
    return {name: place for place, name in enumerate(names) if name}


def _name(value: Value) -> str:
    try:
        return text_of(value)
    except CellError:
        return ""


def _listed(names: Sequence[str]) -> str:
    """Where a file has no header, its first row stands here: nobody's number is told."""
    more = [f"{len(names) - _LISTED} more"] if len(names) > _LISTED else []
    return ", ".join([*map(shown, names[:_LISTED]), *more]) or "no columns"


def _even(rows: TextRows, length: int) -> Iterator[Row | Fault]:
    for row in rows:
        if isinstance(row, Fault):
            yield row
        elif len(row[1]) == length:
            yield Row(*row)
        else:
            breaks = len(_LINE_END.findall("".join(row[1])))
            upto = f" (to line {row[0] + breaks}: is a quote left open?)" if breaks else ""
            yield Fault(row[0], "row", f"expected {length} columns, got {len(row[1])}{upto}")


def _filled(rows: TextRows, places: Sequence[int]) -> TextRows:
    """Blank cells of these columns take what stands above them."""
    above: dict[int, str] = {}
    for row in rows:
        if isinstance(row, Fault):
            yield row
            continue
        line, values = row
        for place in places:
            if place < len(values):
                values[place] = values[place].strip() or above.get(place, "")
                above[place] = values[place]
        yield line, values


def _padded(rows: Iterator[tuple[int, Sequence[Value]]], length: int) -> Iterator[Row]:
    """Workbooks leave out what is blank at the end of a row."""
    for line, values in rows:
        yield Row(line, (*values[:length], *[None] * (length - len(values))))
