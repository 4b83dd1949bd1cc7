"""Workbooks as people keep them: merged cells, formulas, dates as numbers, titles, totals."""

import re
import shutil
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from openpyxl import Workbook
from openpyxl.chart import BarChart
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from tanzhang.importers.cells import NoValue
from tanzhang.importers.mapping import Layout, Xlsx
from tanzhang.importers.reading import ImportRefusedError
from tanzhang.importers.tables import Row, Table, open_table
from tanzhang.importers.xlsx_rows import NOT_CALCULATED


def workbook(
    folder: Path, *rows: Sequence[Any], change: Callable[[Any], None] | None = None
) -> Path:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    if change is not None:
        change(sheet)
    path = folder / "t.xlsx"
    book.save(path)
    return path


def rows_of(table: Table) -> list[Row]:
    return [Row(row.line, [*row.values]) for row in table.rows if isinstance(row, Row)]


def read(
    path: Path, wanted: Sequence[str] = (), sheet: str | None = None, **layout: Any
) -> list[Row]:
    with open_table(path, Layout(xlsx=Xlsx(sheet=sheet), **layout), wanted) as table:
        return rows_of(table)


def rewritten(path: Path, change: Callable[[str], str]) -> Path:
    """The workbook with the text of its sheet changed, as another program might have written it."""
    other = path.with_name("other.xlsx")
    with ZipFile(path) as source, ZipFile(other, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                content = change(content.decode()).encode()
            target.writestr(name, content)
    return other


def test_cells_have_the_types_that_they_were_written_with(tmp_path: Path) -> None:
    path = workbook(
        tmp_path, ["a", "b", "c", "d", "e"], ["水稻", 10, 364.76, datetime(2020, 1, 31), True]
    )
    assert read(path) == [Row(2, ["水稻", 10, 364.76, datetime(2020, 1, 31), True])]


def test_blank_rows_and_short_rows(tmp_path: Path) -> None:
    path = workbook(tmp_path, ["a", "b", "c"], [1], [], [" ", None], [2, 3, 4, 5])
    assert read(path) == [Row(2, [1, None, None]), Row(5, [2, 3, 4])]


def test_a_column_that_is_not_there(tmp_path: Path) -> None:
    path = workbook(tmp_path, ["title"], ["地块", "面积"], ["东", 1])
    with pytest.raises(ImportRefusedError) as refused:
        read(path, ["地块", "村"], header=2)
    assert str(refused.value) == "line 2, 村: the column is not there; the header has 地块, 面积"


def test_sheets(tmp_path: Path) -> None:
    book = Workbook()
    book.create_sheet("台账").append(["a"])
    book["台账"].append([7])
    path = tmp_path / "t.xlsx"
    book.save(path)
    assert read(path, sheet="台账") == [Row(2, [7])]
    with pytest.raises(ImportRefusedError, match="no sheet '账'; the workbook has Sheet, 台账"):
        read(path, sheet="账")


def test_merged_cells_of_a_column_that_is_filled_down(tmp_path: Path) -> None:
    path = workbook(
        tmp_path, ["地块", "n"], ["东", 1], [None, 2], [None, 3], [None, 4],
        change=lambda sheet: sheet.merge_cells("A2:A4"),
    )  # fmt: skip
    values = [row.values[0] for row in read(path, fill_down=("地块",))]
    # The last row is blank and not merged: nothing says that it is of the same parcel.
    assert values == ["东", "东", "东", None]


def test_merged_cells_of_another_column_have_no_value(tmp_path: Path) -> None:
    path = workbook(
        tmp_path, ["地块", "面积"], ["东", 30], ["西", None],
        change=lambda sheet: sheet.merge_cells("B2:B3"),
    )  # fmt: skip
    first, second = read(path)
    assert first == Row(2, ["东", 30])
    assert isinstance(second.values[1], NoValue)
    assert "part of the merged cells B2:B3: split them, or name the column" in second.values[1].why


def test_a_row_of_nothing_but_merged_cells_is_blank(tmp_path: Path) -> None:
    path = workbook(
        tmp_path, ["a", "b"], ["合计", None], [None, None], [1, 2],
        change=lambda sheet: sheet.merge_cells("A2:B3"),
    )  # fmt: skip
    assert [row.line for row in read(path)] == [2, 4]


def test_a_header_of_two_rows(tmp_path: Path) -> None:
    def merge(sheet: Any) -> None:
        sheet.merge_cells("A1:A2")
        sheet.merge_cells("B1:C1")

    path = workbook(
        tmp_path, ["地块", "面积", None], [None, "前", "后"], ["东", 1, 2], change=merge
    )
    with open_table(path, Layout(xlsx=Xlsx(), header=2), ["地块", "前", "后"]) as table:
        assert table.columns == {"地块": 0, "前": 1, "后": 2}
        assert rows_of(table) == [Row(3, ["东", 1, 2])]


def test_formulas_without_a_result_are_not_taken_for_blanks(tmp_path: Path) -> None:
    path = workbook(tmp_path, ["a", "b"], [1, "=A2*2"], [None, None], [3, None])
    assert read(path) == [Row(2, [1, NOT_CALCULATED]), Row(4, [3, None])]


def test_formulas_with_a_result(tmp_path: Path) -> None:
    path = workbook(tmp_path, ["a", "b"], [1, "=A2*2"])
    path = rewritten(path, lambda text: re.sub(r"<v ?/>|<v></v>", "<v>2</v>", text))
    assert read(path) == [Row(2, [1, 2])]


def test_a_formula_whose_result_is_an_empty_text_is_blank(tmp_path: Path) -> None:
    path = workbook(tmp_path, ["a", "b"], [1, "=A2*2"])

    def emptied(text: str) -> str:
        text = re.sub(r"<v ?/>|<v></v>", "<v></v>", text)
        return text.replace('<c r="B2"', '<c r="B2" t="str"')

    assert read(rewritten(path, emptied)) == [Row(2, [1, None])]


def test_dates_that_are_numbers_and_what_they_count_from(tmp_path: Path) -> None:
    path = workbook(tmp_path, ["a"], [43861])
    with open_table(path, Layout(xlsx=Xlsx()), ()) as table:
        assert table.first_day == datetime(1899, 12, 30)
        assert rows_of(table) == [Row(2, [43861])]
    with open_table(of_1904(path), Layout(xlsx=Xlsx()), ()) as table:
        assert table.first_day == datetime(1904, 1, 1)


def of_1904(path: Path) -> Path:
    book = Workbook()
    book.epoch = CALENDAR_MAC_1904
    assert book.active is not None
    book.active.append(["a"])
    book.save(path)
    return path


def test_a_workbook_that_says_a_wrong_size(tmp_path: Path) -> None:
    path = workbook(tmp_path, ["a", "b"], [1, 2], [3, 4])
    path = rewritten(path, lambda text: text.replace('ref="A1:B3"', 'ref="A1"'))
    assert read(path) == [Row(2, [1, 2]), Row(3, [3, 4])]


def test_errors_of_formulas_are_no_values(tmp_path: Path) -> None:
    path = workbook(tmp_path, ["a", "b"], [1, "#N/A"])
    (row,) = read(path)
    assert row == Row(2, [1, NoValue("expected a value, got the error #N/A")])


def test_cells_that_do_not_say_where_they_are(tmp_path: Path) -> None:
    path = workbook(tmp_path, ["a", "b"], [1, "#N/A"])
    path = rewritten(path, lambda text: re.sub(r' r="[A-Z]?[0-9]+"', "", text))
    (row,) = read(path)
    assert (row.values[0], type(row.values[1])) == (1, NoValue)


@pytest.mark.parametrize("name", ["xl/workbook.xml", "xl/worksheets/sheet1.xml"])
def test_a_workbook_that_is_broken(name: str, tmp_path: Path) -> None:
    path = workbook(tmp_path, ["a"], [1])
    broken = tmp_path / "broken.xlsx"
    with ZipFile(path) as source, ZipFile(broken, "w") as target:
        for part in source.namelist():
            target.writestr(part, b"<not" if part == name else source.read(part))
    with pytest.raises(ImportRefusedError, match="file: cannot be read as a workbook"):
        read(broken)


def test_what_only_begins_like_a_workbook(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    path.write_bytes(b"PK\x03\x04" + b"\0" * 100)
    with pytest.raises(ImportRefusedError, match="cannot be read as a workbook"):
        read(path)
    archive = tmp_path / "a.zip"
    with ZipFile(archive, "w") as target:
        target.writestr("a.txt", "nothing")
    with pytest.raises(ImportRefusedError, match=r"expected \.xlsx, this is another kind of arch"):
        read(archive)


def test_the_name_of_the_file_does_not_matter(tmp_path: Path) -> None:
    path = shutil.copy(workbook(tmp_path, ["a"], [1]), tmp_path / "ledger.dat")
    assert read(Path(path)) == [Row(2, [1])]


def test_declared_entities_are_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path, ["a"], [1])
    bomb = '<!DOCTYPE x [<!ENTITY e "eeee">]>'
    path = rewritten(path, lambda text: bomb + text)
    with pytest.raises(ImportRefusedError, match="cannot be read as a workbook"):
        read(path)


def test_a_sheet_that_is_hidden_is_not_the_first(tmp_path: Path) -> None:
    book = Workbook()
    assert book.active is not None
    book.active.append(["codes"])
    book.active.sheet_state = "hidden"
    book.create_chartsheet("图", 0).add_chart(BarChart())
    book.create_sheet("台账").append(["a"])
    book["台账"].append([7])
    path = tmp_path / "t.xlsx"
    book.save(path)
    assert read(path) == [Row(2, [7])]
    assert read(path, sheet="Sheet") == []


def test_a_column_whose_name_is_a_number(tmp_path: Path) -> None:
    path = workbook(tmp_path, ["地块", 2020], ["东", 1])
    with open_table(path, Layout(xlsx=Xlsx()), ["2020"]) as table:
        assert table.columns == {"地块": 0, "2020": 1}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<v>7</v>", "<v>seven</v>"),
        ('r="A2"', 'r="ZZZZ2"'),
        ('<row r="2"', '<row r="99999999"'),
        ("</sheetData>", "</sheetData><mergeCells><mergeCell/></mergeCells>"),
    ],
)
def test_a_sheet_that_no_program_writes(old: str, new: str, tmp_path: Path) -> None:
    path = rewritten(workbook(tmp_path, ["a"], [7]), lambda text: text.replace(old, new))
    with pytest.raises(ImportRefusedError, match="file: cannot be read as a workbook"):
        read(path)


def test_a_workbook_whose_bytes_are_damaged(tmp_path: Path) -> None:
    path = workbook(tmp_path, ["a"], *([n] for n in range(50)))
    with ZipFile(path) as archive:
        part = archive.getinfo("xl/worksheets/sheet1.xml")
    content = bytearray(path.read_bytes())
    start = part.header_offset + 30 + len(part.filename)
    for place in range(start, start + 60):
        content[place] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ImportRefusedError, match="file: cannot be read as a workbook"):
        read(path)


def test_an_archive_that_is_made_to_fill_the_memory(tmp_path: Path) -> None:
    path = workbook(tmp_path, ["a"], [1])
    with ZipFile(path, "a", ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", b" " * (1 << 25))
    said = r"xl/sharedStrings\.xml would take 33554432 bytes, more than 100 times"
    with pytest.raises(ImportRefusedError, match=said):
        read(path)
