"""CSV files: exact values, the time they are of, and the line of what is wrong."""

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanzhang.importers.csv import Columns, parse_step, read_csv, read_csv_file
from tanzhang.importers.reading import Imported, ImportRefusedError, reading_event

STEEL = Path(__file__).parents[4] / "shared" / "data" / "energy" / "steel_2018_h1.csv"


def columns(**given: Any) -> Columns:
    usual: dict[str, Any] = {"time": "t", "value": "v", "unit": "kWh", "meter": "m"}
    return Columns(**usual | {"step": timedelta(hours=1)} | given)


def read(*rows: str, skip_bad: bool = False, header: str = "t,v", **given: Any) -> Imported:
    return read_csv(
        io.StringIO("\n".join([header, *rows]) + "\n"), columns(**given), skip_bad=skip_bad
    )


@pytest.mark.skipif(not STEEL.exists(), reason="../shared/data/energy is not there: a steel works")
def test_steel_works_half_a_year() -> None:
    imported = read_csv_file(
        STEEL,
        columns(
            time="date",
            value="Usage_kWh",
            step=parse_step("15m"),
            order="dmy",
            midnight_belongs="next",
            zone=ZoneInfo("Asia/Seoul"),
        ),
    )
    with STEEL.open(encoding="utf-8-sig", newline="") as stream:
        exact = sum(Decimal(row["Usage_kWh"]) for row in csv.DictReader(stream))
    readings = imported.readings
    events = [reading_event(r, enterprise="E") for r in readings]
    assert len({event["id"] for event in events}) == 17_376
    assert sum(Decimal(event["data"]["value"]) for event in events) == exact
    starts = sorted(r.start for r in readings if r.start is not None)
    assert starts[0] == datetime(2017, 12, 31, 15, tzinfo=UTC)
    assert max(r.end for r in readings) == datetime(2018, 6, 30, 15, tzinfo=UTC)
    gaps = {later - sooner for sooner, later in pairwise(starts)}
    assert gaps == {timedelta(minutes=15)}


def test_interval_ends_at_the_time_or_begins_with_it() -> None:
    (end,) = read("2020-01-01T01:00,5").readings
    assert end.start == datetime(2019, 12, 31, 16, tzinfo=UTC)
    assert end.end == datetime(2019, 12, 31, 17, tzinfo=UTC)
    (start,) = read("2020-01-01 00:00,5", time_is="start").readings
    assert (start.start, start.end, start.id) == (end.start, end.end, end.id)


@pytest.mark.parametrize("time_is", ["start", "end"])
def test_a_day_is_one_of_the_calendar_where_clocks_change(time_is: str) -> None:
    """In Berlin 29 March 2020 has 23 hours, 25 October has 25."""
    rows = [f"2020-{day}T00:00,1" for day in ("03-29", "03-30", "03-31", "10-25", "10-26", "10-27")]
    day, zone = timedelta(days=1), ZoneInfo("Europe/Berlin")
    found = read(*rows, step=day, time_is=time_is, zone=zone).readings
    lengths = [(one.end - one.start).total_seconds() / 3600 for one in found if one.start]
    usual = {"start": [23, 24, 24, 25, 24, 24], "end": [24, 23, 24, 24, 25, 24]}
    assert lengths == usual[time_is]


@pytest.mark.parametrize("time_is", ["start", "end"])
def test_a_day_whose_midnight_the_clocks_skip_begins_when_they_go_forward(time_is: str) -> None:
    """In Cairo they went from 00:00 to 01:00 on 28 April 2023."""
    rows = [f"2023-04-{day},1" for day in ("27", "28", "29")]
    day, zone = timedelta(days=1), ZoneInfo("Africa/Cairo")
    found = read(*rows, step=day, time_is=time_is, zone=zone).readings
    assert all(one.end == other.start for one, other in pairwise(found))
    lengths = [(one.end - one.start).total_seconds() / 3600 for one in found if one.start]
    assert lengths == {"start": [24, 23, 24], "end": [24, 24, 23]}[time_is]
    with pytest.raises(ImportRefusedError, match="2023-04-28 00:00:00 does not exist"):
        read(*rows, step=timedelta(hours=1), time_is=time_is, zone=zone)


def test_an_offset_in_the_time_goes_before_the_zone() -> None:
    (found,) = read("2020-01-01T01:00:00Z,5").readings
    assert found.end == datetime(2020, 1, 1, 1, tzinfo=UTC)


def test_register_readings_have_no_start() -> None:
    (found,) = read("2020-01-01T00:00,5", kind="register", step=None).readings
    assert (found.kind, found.start) == ("register", None)


def test_midnight_of_the_next_day() -> None:
    rows = ("1/1/2018 23:00,1", "1/1/2018 0:00,2", "2/1/2018 1:00,3")
    zone = ZoneInfo("UTC")
    found = read(*rows, order="dmy", midnight_belongs="next", zone=zone).readings
    assert [r.end.isoformat() for r in found] == [
        "2018-01-01T23:00:00+00:00",
        "2018-01-02T00:00:00+00:00",
        "2018-01-02T01:00:00+00:00",
    ]


def test_time_format_and_order_of_dates() -> None:
    assert read("03/04/2020 00:00,1", order="mdy").readings[0].end.month == 3
    assert read("202003041200,1", time_format="%Y%m%d%H%M").readings[0].end.hour == 4
    with pytest.raises(ImportRefusedError, match="line 2, t: expected a time like ISO 8601"):
        read("03/04/2020 00:00,1")


def test_the_hour_that_comes_twice_and_the_one_that_never_comes() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    rows = ("2020-10-25T02:00,1", "2020-10-25T02:00,2", "2020-10-25T03:00,3")
    found = read(*rows, zone=berlin).readings
    assert [r.end.hour for r in found] == [0, 1, 2]
    with pytest.raises(ImportRefusedError, match=r"line 2, t: .* does not exist in Europe/Berlin"):
        read("2020-03-29T02:30,1", zone=berlin)


def test_every_faulty_line_is_named_and_nothing_comes_of_the_file() -> None:
    with pytest.raises(ImportRefusedError) as refused:
        read("2020-01-01T01:00,5", "2020-01-01T02:00,five", "yesterday,5", "2020-01-01T03:00")
    assert [(f.line, f.field) for f in refused.value.faults] == [(3, "v"), (4, "t"), (5, "row")]


def test_faulty_lines_can_be_left_out() -> None:
    imported = read("2020-01-01T01:00,5", "2020-01-01T02:00,-", skip_bad=True)
    assert len(imported.readings) == 1
    assert [str(fault) for fault in imported.skipped] == [
        "line 3, v: expected a decimal number, got '-'"
    ]


@pytest.mark.parametrize("value", ["", "NaN", "inf", "1_000", "１２", "1e30", "0x10", "1,5"])
def test_what_is_no_value(value: str) -> None:
    with pytest.raises(ImportRefusedError, match="line 2, v: "):
        read(f'2020-01-01T01:00,"{value}"')


def test_columns_must_be_there_once() -> None:
    with pytest.raises(ImportRefusedError, match="v: the column is not there; the header has t, w"):
        read(header="t,w")
    with pytest.raises(ImportRefusedError, match="v: the column is there more than once"):
        read(header="t,v,v")
    with pytest.raises(ImportRefusedError, match="t: the column is not there"):
        read_csv(io.StringIO(""), columns())


def test_an_interval_needs_its_length() -> None:
    with pytest.raises(ImportRefusedError, match="--step: expected for intervals"):
        read(step=None)


def test_contradicting_rows_refuse_the_file_and_equal_ones_fall_together() -> None:
    assert read("2020-01-01T01:00,5", "2020-01-01T01:00,5.0").repeated == 1
    with pytest.raises(ImportRefusedError, match=r"line 3, value: 6 .* but line 2 says 5"):
        read("2020-01-01T01:00,5", "2020-01-01T01:00,6", skip_bad=True)


def test_encoding_and_delimiter(tmp_path: Path) -> None:
    file = tmp_path / "gbk.csv"
    file.write_bytes("时间;用电量\r\n2020-01-01T01:00;5\r\n".encode("gbk"))
    given = columns(time="时间", value="用电量", delimiter=";", encoding="gbk")
    assert read_csv_file(file, given).readings[0].value == 5
    with pytest.raises(ImportRefusedError, match="--encoding: not utf-8-sig"):
        read_csv_file(file, columns(time="时间", value="用电量", delimiter=";"))


@pytest.mark.parametrize("text", ["", "m", "0m", "15", "-1h", "1.5h", "1w"])
def test_what_is_no_step(text: str) -> None:
    with pytest.raises(ValueError, match="expected a length"):
        parse_step(text)


VALUES = st.decimals(min_value=0, max_value=10**9, places=3)


@given(st.lists(VALUES, min_size=1, max_size=40))
def test_events_sum_to_the_exact_sum_of_the_file(values: list[Decimal]) -> None:
    first = datetime(2020, 1, 1)
    rows = [f"{(first + timedelta(hours=n)).isoformat()},{v}" for n, v in enumerate(values)]
    imported = read(*rows)
    events = [reading_event(r, enterprise="E") for r in imported.readings]
    assert sum(Decimal(event["data"]["value"]) for event in events) == sum(values)
    assert [r.id for r in read(*rows).readings] == [event["id"] for event in events]


def test_a_file_without_the_mark_of_its_encoding(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("t,v\n2020-01-01T01:00,5\n".encode("utf-16-le"))
    with pytest.raises(ImportRefusedError, match="--encoding: not utf-16: UTF-16 stream does not"):
        read_csv_file(path, columns(encoding="utf-16"))
