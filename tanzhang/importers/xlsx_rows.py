"""Rows of a workbook's sheet, streamed, with what is easily lost: merged cells, missing results."""

import posixpath
from collections.abc import Container, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import IO, Any, NamedTuple
from zipfile import BadZipFile, ZipFile

from defusedxml.ElementTree import ParseError, fromstring, iterparse

from tanzhang.importers.cells import NoValue, Value
from tanzhang.importers.reading import Fault, ImportRefusedError

NOT_CALCULATED = NoValue(
    "expected a value, got a formula without a result: open the file in a spreadsheet program, "
    "let it calculate, and save"
)
_EVERY_COLUMN = range(1 << 14)
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"
Numbered = tuple[int, Sequence[Value]]
Cell = tuple[int, int]


class Merged(NamedTuple):
    """A merged range, rows from 1 and columns from 0, both ends included."""

    name: str
    first: Cell
    last: Cell


@dataclass(slots=True)
class Marks:
    """What the cells alone don't tell: merged ranges, and formulas without a result."""

    merged: list[Merged] = field(default_factory=list)
    missing: set[Cell] = field(default_factory=set)


@dataclass(slots=True)
class Workbook:
    """The rows of a sheet that are not blank, by number from 1; columns from the first on."""

    rows: Iterator[Numbered]
    first_day: datetime
    filled: set[int] = field(default_factory=set)

    def fill(self, columns: set[int]) -> None:
        """In these columns a merged cell's value stands for each of its rows."""
        self.filled |= columns


@contextmanager
def open_workbook(path: Path, sheet: str | None, header: int) -> Iterator[Workbook]:
    """Open a workbook; ImportRefusedError when it is none, or has no such sheet.

    Down to the row `header` merged cells have their value in every row.
    """
    with path.open("rb") as stream, closing(_loaded(stream)) as book:
        name = _sheet_name(book.sheetnames, sheet)
        try:  # declared entities are refused with a ValueError of defusedxml
            marks = _marks(path, name)
        except (KeyError, ParseError, ValueError) as error:
            raise _unreadable(error) from error
        workbook = Workbook(iter(()), book.epoch)
        workbook.rows = _rows(book[name], marks, header, workbook.filled)
        yield workbook


def _loaded(stream: IO[bytes]) -> Any:
    try:
        from openpyxl import load_workbook
    except ImportError:
        detail = "reading .xlsx needs openpyxl: pip install 'tanzhang[excel]'"
        raise ImportRefusedError([Fault(None, "file", detail)]) from None
    try:
        return load_workbook(stream, read_only=True, data_only=True)
    except (BadZipFile, OSError, KeyError, ValueError, TypeError, ParseError) as error:
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> ImportRefusedError:
    return ImportRefusedError([Fault(None, "file", f"cannot be read as a workbook: {error}")])


def _sheet_name(names: Sequence[str], wanted: str | None) -> str:
    if wanted is None and names:
        return names[0]
    if wanted not in names:
        detail = f"there is no sheet {wanted!r}; the workbook has {', '.join(names)}"
        raise ImportRefusedError([Fault(None, "sheet", detail)])
    assert wanted is not None
    return wanted


def _rows(sheet: Any, marks: Marks, header: int, filled: set[int]) -> Iterator[Numbered]:
    sheet.reset_dimensions()  # some programs write wrong ones
    starts = {merged.first: merged for merged in marks.merged}
    open_ranges: dict[str, tuple[Merged, Value]] = {}
    for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        values = [_value(cell) for cell in cells]
        for place in range(len(values)):
            if (number, place) in marks.missing and values[place] is None:
                values[place] = NOT_CALCULATED
            if (number, place) in starts:
                merged = starts[number, place]
                open_ranges[merged.name] = merged, values[place]
        blank = all(value is None for value in values)
        _spread(values, number, open_ranges, _EVERY_COLUMN if number <= header else filled)
        if not blank:
            yield number, values


def _spread(
    values: list[Value],
    number: int,
    ranges: dict[str, tuple[Merged, Value]],
    filled: Container[int],
) -> None:
    """Tell the cells below and beside a merged cell what they are part of; drop ranges passed."""
    for merged, value in list(ranges.values()):
        values += [None] * (merged.last[1] + 1 - len(values))
        for place in range(merged.first[1], merged.last[1] + 1):
            if (number, place) == merged.first:
                continue
            down = place == merged.first[1] and place in filled
            values[place] = value if down else _part_of(merged)
        if number >= merged.last[0]:
            del ranges[merged.name]


def _part_of(merged: Merged) -> NoValue:
    return NoValue(
        f"expected a value of its own, the cell is part of the merged cells {merged.name}: "
        "split them, or name the column in table.fill_down if each row has the value"
    )


def _value(cell: object) -> Value:
    """Errors such as #REF! come as texts; a blank text is a blank cell."""
    if isinstance(cell, str):
        return cell if cell.strip() else None
    if cell is None or isinstance(cell, int | float | datetime | date | time | timedelta):
        return cell
    return str(cell)


def _marks(path: Path, sheet: str) -> Marks:
    with ZipFile(path) as archive, archive.open(_part(archive, sheet)) as stream:
        return _read_marks(stream)


def _part(archive: ZipFile, sheet: str) -> str:
    """The file of a sheet inside the workbook."""
    base = _target(archive.read("_rels/.rels"), "", "officeDocument")
    for element in fromstring(archive.read(base)).iter():
        if _local(element.tag) == "sheet" and element.get("name") == sheet:
            wanted = element.get(_RELATION) or element.get(_STRICT_RELATION)
            folder, name = posixpath.split(base)
            relations = archive.read(f"{folder}/_rels/{name}.rels")
            return _target(relations, folder, id=wanted)
    raise KeyError(sheet)


def _target(relations: bytes, folder: str, type: str = "", id: str | None = None) -> str:
    for element in fromstring(relations):
        ends = element.get("Type", "").endswith(f"/{type}")
        if element.get("Id") == id if id is not None else ends:
            target = str(element.get("Target"))
            return posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
    raise KeyError(id or type)


def _read_marks(stream: IO[bytes]) -> Marks:
    """One pass over the sheet; elements are let go as they end."""
    marks = Marks()
    sheet: Any = None
    for event, element in iterparse(stream, events=("start", "end"), forbid_dtd=True):
        name = _local(element.tag)
        if event == "start":
            sheet = element if name == "sheetData" else sheet
        elif name == "c":
            if (reference := element.get("r")) and _lacks_result(element):
                marks.missing.add(_range(reference).first)
        elif name == "mergeCell":
            marks.merged.append(_range(element.get("ref", "")))
        elif name == "row":
            sheet.clear()
    return marks


def _lacks_result(cell: Any) -> bool:
    """A formula whose result is an empty text has one."""
    parts = {_local(part.tag): part.text for part in cell}
    return "f" in parts and not parts.get("v") and not ("v" in parts and cell.get("t") == "str")


def _range(reference: str) -> Merged:
    from openpyxl.utils.cell import range_boundaries

    left, top, right, bottom = range_boundaries(reference)
    if left is None or top is None or right is None or bottom is None:
        raise ValueError(f"{reference} is no range of cells")
    return Merged(reference, (top, left - 1), (bottom, right - 1))


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
