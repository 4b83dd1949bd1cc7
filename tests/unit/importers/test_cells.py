"""Cells: exact numbers and dates however they are written, and no guesses."""

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanzhang.importers.cells import (
    CellError,
    NoValue,
    Value,
    day_of,
    decimal_of,
    moment_of,
    name_of,
    quoted,
    text_of,
    whole_of,
)
from tanzhang.importers.mapping import Field


def number(value: Value, **how: Any) -> Decimal:
    return decimal_of(value, Field(**how))


@pytest.mark.parametrize(
    ("text", "how", "expected"),
    [
        ("12.50", {}, "12.50"),
        ("-12.5", {}, "-12.5"),
        ("+12.5", {}, "12.5"),
        ("12.5-", {}, "-12.5"),
        ("(12.5)", {}, "-12.5"),
        ("１２．５", {}, "12.5"),
        (" 12,5 ", {"decimal": ","}, "12.5"),
        ("1.234.567,5", {"decimal": ",", "thousands": "."}, "1234567.5"),
        ("１，２３４．５", {"thousands": ","}, "1234.5"),
        ("1\u00a0234,5", {"decimal": ",", "thousands": " "}, "1234.5"),
        ("999,999", {"thousands": ","}, "999999"),
        ("¥1,234.50元", {"thousands": ",", "strip": ("¥", "元")}, "1234.50"),
        ("-5", {"sign": "negated"}, "5"),
        ("-5", {"sign": "absolute"}, "5"),
        ("5471.4", {"times": "1/15"}, "364.76"),
        ("128", {"times": "15"}, "1920"),
        ("1，234.5", {"thousands": "，"}, "1234.5"),
        ("1 234.5", {"thousands": "\u00a0"}, "1234.5"),
        (
            "-12345678901234567890.123456789012",
            {"sign": "negated"},
            "12345678901234567890.123456789012",
        ),
        (
            "-12345678901234567890.123456789012",
            {"sign": "absolute"},
            "12345678901234567890.123456789012",
        ),
        ("1", {"times": "1/15"}, "0.066666666667"),
        ("0.5", {"times": "1/1000000000000"}, "0"),
        ("1.5", {"times": "1/1000000000000"}, "0.000000000002"),
    ],
)
def test_numbers(text: str, how: dict[str, Any], expected: str) -> None:
    assert number(text, **how) == Decimal(expected)


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("five", {}), ("", {}), ("1_000", {}), ("1e5", {}), ("NaN", {}), ("0x10", {}), (".", {}),
        ("1,5", {}), ("1.5", {"decimal": ","}), ("12,34,567", {"thousands": ","}),
        ("1234,567", {"thousands": ","}), (",567", {"thousands": ","}), ("--5", {}), ("5 5", {}),
        ("#REF!", {}), ("1.2.3", {}), ("٣", {}),
    ],
)  # fmt: skip
def test_what_is_no_number(text: str, how: dict[str, Any]) -> None:
    with pytest.raises(CellError, match="expected a number"):
        number(text, **how)


def test_the_form_of_a_number_is_said() -> None:
    with pytest.raises(CellError, match=r"expected a number such as 1\.234,5, got '12,34,5'"):
        number("12,34,5", decimal=",", thousands=".")


@given(
    st.decimals(-(10**12), 10**12, places=4),
    st.sampled_from([(".", ","), (",", "."), (",", " "), (".", ""), (",", "")]),
)
def test_a_number_comes_back_however_it_is_grouped(value: Decimal, marks: tuple[str, str]) -> None:
    decimal, thousands = marks
    groups = f"{value:,.4f}".replace(",", "t").replace(".", decimal)
    written = groups.replace("t", thousands)
    assert number(written, decimal=decimal, thousands=thousands) == value


def test_numbers_of_spreadsheets_have_fifteen_digits() -> None:
    assert number(0.1 + 0.2) == Decimal("0.3")
    assert number(364.76) == Decimal("364.76")
    assert number(5, times="1/3") == Decimal("1.666666666667")
    with pytest.raises(
        CellError, match="expected a cell formatted as text: it is a number of more"
    ):
        text_of(6222021234567890123)
    assert text_of(123456789012345) == "123456789012345"
    assert text_of(2020.0) == "2020"


@pytest.mark.parametrize("value", [True, date(2020, 1, 1), time(1), timedelta(1)])
def test_other_cells_are_no_numbers(value: Value) -> None:
    with pytest.raises(CellError, match="expected a number"):
        number(value)


def test_texts() -> None:
    assert [text_of(v) for v in (None, "  a  b\n", "ＡＢ　１", True, 7)] == ["", "a b", "AB 1", "true", "7"]  # fmt: skip
    assert text_of(datetime(2020, 1, 31)) == text_of(date(2020, 1, 31)) == "2020-01-31"
    assert text_of(datetime(2020, 1, 31, 8, 5)) == "2020-01-31 08:05:00"
    with pytest.raises(CellError, match="why not"):
        text_of(NoValue("why not"))


@pytest.mark.parametrize(
    ("value", "formats", "expected"),
    [
        ("2020-01-31", (), date(2020, 1, 31)),
        ("930131", ("%y%m%d",), date(1993, 1, 31)),
        ("２０２０年１月３１日", ("%Y年%m月%d日",), date(2020, 1, 31)),
        ("31.1.2020", ("%d.%m.%Y",), date(2020, 1, 31)),
        ("20200131", ("iso", "%Y%m%d"), date(2020, 1, 31)),
        (20200131, ("%Y%m%d",), date(2020, 1, 31)),
        (43861, ("iso", "excel"), date(2020, 1, 31)),
        ("43861", ("excel",), date(2020, 1, 31)),
        (61, ("excel",), date(1900, 3, 1)),
        ("2020", ("%Y",), date(2020, 1, 1)),
        (datetime(2020, 1, 31), (), date(2020, 1, 31)),
        (date(2020, 1, 31), (), date(2020, 1, 31)),
    ],
)
def test_dates(value: Value, formats: tuple[str, ...], expected: date) -> None:
    assert day_of(value, Field(format=formats)) == expected


@pytest.mark.parametrize(
    ("value", "formats"),
    [
        ("31/01/2020", ()), ("2020-02-30", ()), ("20200131", ()), ("93131", ("%y%m%d",)),
        ("2020111", ("%Y%m%d",)), (43861, ()), (43861, ("%Y%m%d",)), (5, ("excel",)),
        ("", ("excel",)), (99999999, ("excel",)), (time(8), ("excel",)), ("soon", ("excel",)),
    ],
)  # fmt: skip
def test_what_is_no_date(value: Value, formats: tuple[str, ...]) -> None:
    with pytest.raises(CellError, match="expected a date"):
        day_of(value, Field(format=formats))


def test_a_date_with_a_time_is_no_day() -> None:
    with pytest.raises(
        CellError, match="expected a date without a time, got '2020-01-31 08:00:00'"
    ):
        day_of(datetime(2020, 1, 31, 8), Field())


@pytest.mark.parametrize(
    ("plus", "expected"),
    [("day", date(2020, 2, 1)), ("month", date(2020, 2, 29)), ("year", date(2021, 1, 31))],
)
def test_the_end_may_be_the_last_day(plus: Any, expected: date) -> None:
    assert day_of("2020-01-31", Field(plus=plus)) == expected


def test_a_day_that_the_next_year_has_not() -> None:
    with pytest.raises(CellError, match="out of range: 2020-02-29"):
        day_of("2020-02-29", Field(plus="year"))


def test_spreadsheets_that_count_from_1904() -> None:
    assert day_of(42399, Field(format="excel"), datetime(1904, 1, 1)) == date(2020, 1, 31)


def test_times() -> None:
    assert moment_of("2020-01-31T08:05:00+02:00", Field()).utcoffset() == timedelta(hours=2)
    assert moment_of("43861.5", Field(format="excel")) == datetime(2020, 1, 31, 12)
    assert moment_of(43861.354166666664, Field(format="excel")) == datetime(2020, 1, 31, 8, 30)


def test_whole_numbers_and_years() -> None:
    assert [whole_of(v, Field()) for v in ("２０１８", 2018, 2018.0, date(2018, 5, 1))] == [
        2018
    ] * 4
    assert whole_of("2018年", Field(format="%Y年")) == 2018
    for wrong in ("2018.5", "-3", "last", None):
        with pytest.raises(CellError, match="expected a whole number"):
            whole_of(wrong, Field())


def test_nobodys_number_is_repeated_in_a_message() -> None:
    assert quoted("13800138000") == "(looks like a mobile number)"
    assert quoted("x" * 50) == repr("x" * 40)
    with pytest.raises(CellError, match=r"got \(looks like a citizen id\)"):
        day_of("11010519491231002X", Field())


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("20240131084500123", "%Y%m%d%H%M%S%f"),
        ("20240131084500123000", "%Y%m%d%H%M%S%f"),
        ("2024-01-31 08:45:00.123", "%Y-%m-%d %H:%M:%S.%f"),
    ],
)
def test_parts_of_a_second_have_any_length(text: str, layout: str) -> None:
    expected = datetime(2024, 1, 31, 8, 45, 0, 123_000)
    assert moment_of(text, Field(format=layout)) == expected


@pytest.mark.parametrize("offset", ["+08:00", "+0800"])
def test_an_offset_after_the_seconds(offset: str) -> None:
    at = moment_of(f"2024/01/31 08:45:00{offset}", Field(format="%Y/%m/%d %H:%M:%S%z"))
    assert at == datetime(2024, 1, 31, 8, 45, tzinfo=timezone(timedelta(hours=8)))


@pytest.mark.parametrize("text", ["6.22202E+18", "6,22202e+18", "6E+18"])
def test_a_number_that_a_spreadsheet_has_rounded_names_nothing(text: str) -> None:
    with pytest.raises(CellError, match="expected all digits of a number, got"):
        name_of(text)
    assert [name_of(name) for name in ("6E18", "A1E+5", "1001")] == ["6E18", "A1E+5", "1001"]
