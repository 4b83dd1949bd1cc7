from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.units.calendar import (
    CITY,
    days_in_year,
    local_date,
    midnight,
    month_of,
    next_month,
    parse_date,
    split_dates,
    split_instants,
)

instants = st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))
days = st.dates(date(2015, 1, 1), date(2035, 1, 1))
zones = st.sampled_from([CITY, ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")])


def test_the_day_is_the_citys() -> None:
    at = datetime(2020, 12, 31, 16, 0, tzinfo=UTC)
    assert local_date(at) == date(2021, 1, 1)
    assert month_of(at) == date(2021, 1, 1)
    assert month_of(at - timedelta(seconds=1)) == date(2020, 12, 1)
    assert midnight(date(2021, 1, 1)) == at


def test_months_and_years() -> None:
    assert next_month(date(2020, 12, 31)) == date(2021, 1, 1)
    assert next_month(date(2020, 1, 31)) == date(2020, 2, 1)
    assert (days_in_year(2020), days_in_year(2021)) == (366, 365)


def test_a_reading_over_new_year_is_split_by_elapsed_time() -> None:
    start = datetime(2020, 12, 31, 18, tzinfo=CITY)
    first, second = split_instants(start, start + timedelta(hours=24))
    assert (first.month, first.share) == (date(2020, 12, 1), Fraction(1, 4))
    assert (second.month, second.share) == (date(2021, 1, 1), Fraction(3, 4))
    assert first.end == second.start == midnight(date(2021, 1, 1))


def test_dates_are_split_by_days() -> None:
    parts = split_dates(date(2020, 1, 30), date(2020, 3, 2))
    assert [part.share for part in parts] == [Fraction(2, 32), Fraction(29, 32), Fraction(1, 32)]
    assert [part.month.month for part in parts] == [1, 2, 3]


@given(instants, st.timedeltas(timedelta(microseconds=1), timedelta(days=900)), zones)
def test_instant_parts_tile_the_whole(start: datetime, length: timedelta, zone: ZoneInfo) -> None:
    parts = split_instants(start, start + length, zone)
    assert sum(part.share for part in parts) == 1
    assert parts[0].start == start
    assert parts[-1].end == start + length
    assert all(a.end == b.start for a, b in pairwise(parts))
    for part in parts:
        assert part.month == month_of(part.start, zone)
        assert part.month == month_of(part.end - timedelta(microseconds=1), zone)


@given(days, st.integers(1, 900))
def test_date_parts_tile_the_whole(start: date, length: int) -> None:
    end = start + timedelta(days=length)
    parts = split_dates(start, end)
    assert sum(part.share for part in parts) == 1
    assert (parts[0].start, parts[-1].end) == (start, end)
    assert all(a.end == b.start for a, b in pairwise(parts))


def test_an_empty_or_backward_span_is_refused() -> None:
    at = datetime(2020, 1, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="after the start"):
        split_instants(at, at)
    with pytest.raises(ValueError, match="after the start"):
        split_dates(at.date(), at.date())
    with pytest.raises(ValueError, match="offset"):
        split_instants(datetime(2020, 1, 1), at)


def test_dates_are_read_as_dates_or_local_midnights() -> None:
    assert parse_date("2020-01-31") == date(2020, 1, 31)
    assert parse_date("2020-01-31T00:00:00+08:00") == date(2020, 1, 31)
    assert parse_date("2020-01-30T16:00:00Z") == date(2020, 1, 31)


@pytest.mark.parametrize(
    "text",
    ["2020-01-31T00:00:00", "2020-01-31T00:00:00Z", "2020-02-30", "20200131", "", "2020-W01-1"],
)
def test_other_texts_are_not_dates(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_date(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00-14:00"])
def test_a_midnight_beyond_the_calendar_is_no_date(text: str) -> None:
    with pytest.raises(ValueError, match="expected a date within the years 1 to 9999"):
        parse_date(text)


def test_the_zone_is_a_parameter() -> None:
    at = datetime(2020, 1, 31, 23, tzinfo=timezone(timedelta(hours=-5)))
    assert local_date(at, ZoneInfo("America/New_York")) == date(2020, 1, 31)
    assert local_date(at) == date(2020, 2, 1)
