"""Rows of a workbook's sheet, streamed, with what is easily lost: merged cells, missing results."""

import posixpath
import zlib
from collections.abc import Container, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import IO, Any, NamedTuple
from zipfile import BadZipFile, ZipFile, ZipInfo

from defusedxml.ElementTree import ParseError, fromstring, iterparse

from tanzhang.importers.cells import NoValue, Value
from tanzhang.importers.reading import Fault, ImportRefusedError

NOT_CALCULATED = NoValue(
    "expected a value, got a formula without a result: open the file in a spreadsheet program, "
    "let it calculate, and save"
)
_EVERY_COLUMN = range(1 << 14)
_LAST_ROW = 1 << 20
_CONTENT_TYPES = "[Content_Types].xml"
# Spreadsheets pack some ten or twenty times; what packs far better was made to fill the memory.
_PACKED_MAX = 100
_UNPACKED_SMALL = 1 << 24
# What the libraries raise over files that are damaged, locked, or no workbooks.
_BROKEN = (
    BadZipFile, zlib.error, EOFError, OSError, LookupError, ValueError, TypeError, AttributeError,
    ArithmeticError, RuntimeError, ParseError,
)  # fmt: skip
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
    """What the cells alone don't tell: merged ranges, formulas without a result, and errors."""

    merged: list[Merged] = field(default_factory=list)
    missing: dict[Cell, NoValue] = field(default_factory=dict)


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
    _check_archive(path)
    with path.open("rb") as stream, closing(_loaded(stream)) as book:
        chosen = _sheet(book.worksheets, sheet)
        with _readable():  # declared entities are refused with a ValueError of defusedxml
            marks = _marks(path, chosen.title)
        workbook = Workbook(iter(()), book.epoch)
        workbook.rows = _rows(chosen, marks, header, workbook.filled)
        yield workbook


@contextmanager
def _readable() -> Iterator[None]:
    """Whatever the libraries raise over a file is an ImportRefusedError."""
    try:
        yield
    except _BROKEN as error:
        raise _unreadable(error) from error


def _check_archive(path: Path) -> None:
    with _readable(), ZipFile(path) as archive:
        parts = archive.infolist()
    if all(part.filename != _CONTENT_TYPES for part in parts):
        detail = "expected .xlsx, this is another kind of archive: save it as .xlsx"
        raise ImportRefusedError([Fault(None, "file", detail)])
    for part in filter(_is_packed_to_burst, parts):
        detail = (
            f"{part.filename} would take {part.file_size} bytes, more than {_PACKED_MAX} times "
            "those in the file; open it in a spreadsheet program and save it again"
        )
        raise ImportRefusedError([Fault(None, "file", detail)])


def _is_packed_to_burst(part: ZipInfo) -> bool:
    size = part.file_size
    return size > _UNPACKED_SMALL and size > _PACKED_MAX * part.compress_size


def _loaded(stream: IO[bytes]) -> Any:
    try:
        from openpyxl import load_workbook
    except ImportError:
        detail = "reading .xlsx needs openpyxl: pip install 'tanzhang[excel]'"
        raise ImportRefusedError([Fault(None, "file", detail)]) from None
    with _readable():
        return load_workbook(stream, read_only=True, data_only=True)


def _unreadable(error: Exception) -> ImportRefusedError:
    return ImportRefusedError([Fault(None, "file", f"cannot be read as a workbook: {error}")])


def _sheet(sheets: Sequence[Any], wanted: str | None) -> Any:
    """The sheet of that name, or the first that people see."""
    for sheet in sheets:
        if sheet.title == wanted or (wanted is None and sheet.sheet_state == "visible"):
            return sheet
    there = ", ".join(sheet.title for sheet in sheets) or "none"
    named = "sheet that is not hidden" if wanted is None else f"sheet {wanted!r}"
    detail = f"there is no {named}; the workbook has {there}"
    raise ImportRefusedError([Fault(None, "sheet", detail)])


def _rows(sheet: Any, marks: Marks, header: int, filled: set[int]) -> Iterator[Numbered]:
    sheet.reset_dimensions()  # some programs write wrong ones
    starts = {merged.first: merged for merged in marks.merged}
    open_ranges: dict[str, tuple[Merged, Value]] = {}
    for number, cells in enumerate(_cells(sheet), 1):
        values = [_value(cell) for cell in cells]
        for place in range(len(values)):
            values[place] = marks.missing.get((number, place), values[place])
            if (number, place) in starts:
                merged = starts[number, place]
                open_ranges[merged.name] = merged, values[place]
        blank = all(value is None for value in values)
        _spread(values, number, open_ranges, _EVERY_COLUMN if number <= header else filled)
        if not blank:
            yield number, values


def _cells(sheet: Any) -> Iterator[Sequence[object]]:
    with _readable():
        yield from sheet.iter_rows(values_only=True)


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
    """A blank text is a blank cell."""
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
    row = 0
    for event, element in iterparse(stream, events=("start", "end"), forbid_dtd=True):
        name = _local(element.tag)
        if event == "start":
            sheet = element if name == "sheetData" else sheet
        elif name == "mergeCell":
            marks.merged.append(_range(element.get("ref", "")))
        elif name == "row":
            row = _row_number(element, row)
            marks.missing.update(_missing(element, row))
            sheet.clear()
    return marks


def _row_number(row: Any, before: int) -> int:
    number = int(row.get("r", before + 1))
    if not before < number <= _LAST_ROW:
        raise ValueError(f"row {number} after row {before}")
    return number


def _missing(row: Any, number: int) -> Iterator[tuple[Cell, NoValue]]:
    """The cells of a row that have no value; programs may leave out where a cell is."""
    column = -1
    for cell in row:
        reference = cell.get("r")
        column = _range(reference).first[1] if reference else column + 1
        if (why := _lack(cell)) is not None:
            yield (number, column), why


def _lack(cell: Any) -> NoValue | None:
    """Why a cell has no value. A formula whose result is an empty text has one."""
    parts = {_local(part.tag): part.text for part in cell}
    if cell.get("t") == "e":
        return NoValue(f"expected a value, got the error {parts.get('v') or 'of a formula'}")
    empty_text = "v" in parts and cell.get("t") == "str"
    return NOT_CALCULATED if "f" in parts and not parts.get("v") and not empty_text else None


def _range(reference: str) -> Merged:
    from openpyxl.utils.cell import range_boundaries

    left, top, right, bottom = range_boundaries(reference)
    if left is None or top is None or right is None or bottom is None:
        raise ValueError(f"{reference} is no range of cells")
    return Merged(reference, (top, left - 1), (bottom, right - 1))


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
