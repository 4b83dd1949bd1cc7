"""Tables: text in any encoding and workbooks, row by row, and what is said of those that break."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tanzhang.importers.mapping import Csv, Layout
from tanzhang.importers.reading import Fault, ImportRefusedError
from tanzhang.importers.tables import Row, open_table

TEXT = "编号,名称,数量\n1,水稻,10\n2,小麦,20\n"


def read(
    path: Path, wanted: Sequence[str] = (), csv: Csv | None = None, **layout: Any
) -> list[Row | Fault]:
    with open_table(path, Layout(csv=csv or Csv(), **layout), wanted) as table:
        return [r if isinstance(r, Fault) else Row(r.line, [*r.values]) for r in table.rows]


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(path: Path, wanted: Sequence[str] = (), **layout: Any) -> str:
    with pytest.raises(ImportRefusedError) as refused:
        read(path, wanted, **layout)
    return str(refused.value)


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "utf-8", "utf-8-sig", "utf-16", "big5"])
def test_encodings(encoding: str, tmp_path: Path) -> None:
    text = (
        TEXT.replace("编号", "no").replace("数量", "n").replace("名称", "名")
        if encoding == "big5"
        else TEXT
    )
    text = text.replace("小麦", "小米")
    path = written(tmp_path, text.encode(encoding))
    form = Csv(encoding="utf-8-sig" if encoding == "utf-8" else encoding)
    assert read(path, csv=form) == [Row(2, ["1", "水稻", "10"]), Row(3, ["2", "小米", "20"])]


def test_a_byte_of_another_encoding_is_named_with_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, TEXT.encode("gb18030"))
    assert "line 1, encoding: byte 0 (0xb1) is not utf-8-sig; name the file's" in refusal(path)
    rows = b"a,b\n" + b"1,2\n" * 30_000
    path = written(tmp_path, rows + b"3,\xff\n" + b"1,2\n" * 30_000)
    said = f"line 30002, encoding: byte {len(rows) + 2} (0xff) is not gb18030"
    assert said in refusal(path, csv=Csv(encoding="gb18030"))


def test_a_file_that_ends_within_a_character(tmp_path: Path) -> None:
    path = written(tmp_path, TEXT.encode("gb18030") + "3,稻".encode("gb18030")[:-1])
    assert "line 4, encoding: byte 37 " in refusal(path, csv=Csv(encoding="gb18030"))


def test_delimiter_and_quote(tmp_path: Path) -> None:
    path = written(tmp_path, "a|b\n'x|y'|2\n")
    assert read(path, csv=Csv(delimiter="|", quote="'")) == [Row(2, ["x|y", "2"])]
    path = written(tmp_path, 'a|b\n"x|2\n')
    assert read(path, csv=Csv(delimiter="|", quote="")) == [Row(2, ['"x', "2"])]


def test_columns_that_are_not_there_are_named_with_those_that_are(tmp_path: Path) -> None:
    said = refusal(written(tmp_path, TEXT), ["编号", "亩数", "价格"])
    assert said == (
        "line 1, 亩数: the column is not there; the header has 编号, 名称, 数量\n"
        "line 1, 价格: the column is not there; the header has 编号, 名称, 数量"
    )


def test_a_column_that_is_there_twice_is_only_wrong_when_it_is_wanted(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b,b\n1,2,3\n")
    assert "line 1, b: the column is there more than once" in refusal(path, ["b"])
    assert read(path, ["a"]) == [Row(2, ["1", "2", "3"])]


def test_column_names_are_compared_in_plain_width(tmp_path: Path) -> None:
    path = written(tmp_path, "面积（亩）,ＩＤ \n1,2\n")
    with open_table(path, Layout(csv=Csv()), ["面积(亩)", "ID"]) as table:
        assert table.columns == {"面积(亩)": 0, "ID": 1}


def test_a_title_above_the_header(tmp_path: Path) -> None:
    path = written(tmp_path, "农业台账,,\n\n" + TEXT)
    assert [row.line for row in read(path, ["编号"], header=3)] == [4, 5]
    assert "line 2, header: expected column names in row 2; it is blank" in refusal(path, header=2)
    assert "line 9, header: expected column names in row 9" in refusal(path, header=9)


def test_a_file_without_a_header(tmp_path: Path) -> None:
    path = written(tmp_path, "1,2\n3,4\n")
    assert read(path, ["b"], csv=Csv(columns=("a", "b")), header=0) == [
        Row(1, ["1", "2"]),
        Row(2, ["3", "4"]),
    ]


def test_blank_rows_are_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\r\n,\r\n\r\n \t, \r\n1,2\r\n\r\n")
    assert read(path) == [Row(5, ["1", "2"])]


def test_a_row_of_another_length_is_a_fault_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n1\n1,2,3\n1,2\n")
    assert read(path) == [
        Fault(2, "row", "expected 2 columns, got 1"),
        Fault(3, "row", "expected 2 columns, got 3"),
        Row(4, ["1", "2"]),
    ]


def test_a_row_over_several_lines_has_the_line_that_it_begins_on(tmp_path: Path) -> None:
    path = written(tmp_path, 'a,b\n"x\ny",2\n3,4\n')
    assert read(path) == [Row(2, ["x\ny", "2"]), Row(4, ["3", "4"])]


def test_a_wrong_quote_costs_its_row_only(tmp_path: Path) -> None:
    path = written(tmp_path, 'a,b\n"x"y,2\n3,4\n')
    fault, row = read(path)
    assert str(fault) == "line 2, row: cannot be read as CSV: ',' expected after '\"'"
    assert row == Row(3, ["3", "4"])


def test_a_quote_that_stays_open_is_told_with_the_lines_that_it_swallows(tmp_path: Path) -> None:
    path = written(tmp_path, 'a,b\n1,2\n"x,2\n3,4\n')
    row, fault = read(path)
    assert row == Row(2, ["1", "2"])
    assert str(fault).startswith("line 3, row: cannot be read as CSV (to line 4: is a quote left")


def test_a_quote_that_stays_open_does_not_take_the_memory(tmp_path: Path) -> None:
    path = written(tmp_path, 'a,b\n"x,2\n' + "3,4\n" * 100_000)
    first, *rest = read(path)
    assert "field larger than field limit" in str(first)
    assert rest[-1] == Row(100_002, ["3", "4"])


def test_what_stands_once_for_the_rows_below(tmp_path: Path) -> None:
    path = written(tmp_path, "地块,n\n东,1\n,2\n西,3\n ,4\n")
    assert read(path, fill_down=("地块",)) == [
        Row(2, ["东", "1"]), Row(3, ["东", "2"]), Row(4, ["西", "3"]), Row(5, ["西", "4"]),
    ]  # fmt: skip
    assert "line 1, 村: the column is not there" in refusal(path, fill_down=("村",))


def test_files_that_the_mapping_does_not_foresee(tmp_path: Path) -> None:
    workbook = written(tmp_path, b"PK\x03\x04 and so on")
    assert refusal(workbook) == (
        "file: this is a workbook, and the mapping does not say how to read one (table.xlsx)"
    )
    old = written(tmp_path, b"\xd0\xcf\x11\xe0 and so on")
    assert "this is an older workbook, or one with a password: save it as" in refusal(old)


def test_an_empty_file(tmp_path: Path) -> None:
    assert "line 1, header: expected column names in row 1" in refusal(written(tmp_path, b""))


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16-le"])
def test_a_mark_before_the_text_is_no_part_of_it(encoding: str, tmp_path: Path) -> None:
    path = written(tmp_path, f"\ufeff{TEXT}".encode(encoding))
    assert read(path, ["编号"], csv=Csv(encoding=encoding))[0] == Row(2, ["1", "水稻", "10"])


@pytest.mark.parametrize(
    ("marked", "encoding", "found"),
    [("utf-8-sig", "gb18030", "utf-8"), ("utf-16", "utf-8-sig", "utf-16")],
)
def test_a_mark_of_another_encoding(marked: str, encoding: str, found: str, tmp_path: Path) -> None:
    path = written(tmp_path, TEXT.encode(marked))
    assert refusal(path, csv=Csv(encoding=encoding)) == (
        f"line 1, encoding: the file begins with the mark of {found}, the mapping says {encoding}"
    )


def test_utf_16_without_a_mark(tmp_path: Path) -> None:
    path = written(tmp_path, TEXT.encode("utf-16-le"))
    said = refusal(path, csv=Csv(encoding="utf-16"))
    assert said.startswith("line 1, encoding: cannot be read as utf-16: UTF-16 stream does not")


def test_the_line_of_a_wrong_byte_where_lines_end_as_on_old_macs(tmp_path: Path) -> None:
    path = written(tmp_path, b"a,b\r1,2\r3,\xff\r")
    assert "line 3, encoding: byte 10 (0xff) is not utf-8-sig" in refusal(path)


def test_a_file_without_line_ends_does_not_come_into_the_memory(tmp_path: Path) -> None:
    path = written(tmp_path, b"a,b\n" + b"x" * (1 << 21))
    assert "line 2, file: expected a table in text, a line has 1048576" in refusal(path)


def test_a_row_of_another_length_says_which_lines_it_swallows(tmp_path: Path) -> None:
    path = written(tmp_path, 'a,b\r\n1,"x\r\n2,y\r\n3,z",k\r\n4,5\r\n')
    fault, row = read(path)
    assert str(fault) == "line 2, row: expected 2 columns, got 3 (to line 4: is a quote left open?)"
    assert row == Row(5, ["4", "5"])


def test_a_header_that_cannot_be_read_is_told_as_it_is(tmp_path: Path) -> None:
    assert "line 1, row: cannot be read as CSV: ',' expected" in refusal(
        written(tmp_path, '"a"x,b\n1,2\n')
    )


def test_a_first_row_that_is_no_header_tells_no_account(tmp_path: Path) -> None:
    path = written(tmp_path, "1001,6222021234567890128,借\n")
    assert refusal(path, ["账号"]) == (
        "line 1, 账号: the column is not there; the header has 1001, (looks like a bank card), 借"
    )
    path = written(tmp_path, ",".join(f"c{n}" for n in range(60)))
    assert refusal(path, ["账号"]).endswith("c48, c49, 10 more")


def test_what_is_no_file_on_a_disk_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "file: expected a file on a disk, which can be read twice" in refusal(pipe)
