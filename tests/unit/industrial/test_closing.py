"""In which years an event changes something."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.industrial.domain.closing import first_closed, reach, waits_for_year
from services.industrial.domain.facts import Fact
from services.industrial.domain.metering import Metering
from services.industrial.domain.registers import RegisterSlot
from services.industrial.domain.registry import Enterprise, Meter
from shared.units.calendar import CITY

START = datetime(2021, 12, 30, tzinfo=UTC)
ENTERPRISE = [Enterprise("E", "n", "1495", "d", "zhejiang", "p", "t")]
METER = [Meter("r", "E", "electricity", "kWh", "register")]


def fact(ends: datetime, starts: datetime | None = None, kind: str = "reading") -> Fact:
    return Fact(
        account=1,
        key=ends.isoformat().encode(),
        content=b"",
        source="urn:test",
        id=ends.isoformat(),
        kind=kind,
        slot="meter:r",
        starts=starts,
        ends=ends,
        time=START,
        quality="actual",
        value=Decimal(int((ends - START).total_seconds()) // 3600 + 1000),
        unit="kWh",
    )


def year_of(starts: str, ends: str, kind: str, closed: set[int]) -> int | None:
    one = fact(datetime.fromisoformat(ends), datetime.fromisoformat(starts), kind)
    return first_closed([one], [], frozenset(closed), CITY)


@pytest.mark.parametrize(
    ("starts", "ends", "kind", "closed", "first"),
    [
        # The city's year begins at 16:00 UTC; a day of a report is kept as midnight UTC.
        ("2021-12-31T15:00:00+00:00", "2021-12-31T16:00:00+00:00", "reading", {2021}, 2021),
        ("2021-12-31T15:00:00+00:00", "2021-12-31T16:00:00+00:00", "reading", {2022}, None),
        ("2021-12-31T16:00:00+00:00", "2021-12-31T17:00:00+00:00", "reading", {2021}, None),
        ("2021-12-31T16:00:00+00:00", "2021-12-31T17:00:00+00:00", "reading", {2022}, 2022),
        ("2021-01-01T00:00:00+00:00", "2022-01-01T00:00:00+00:00", "production", {2022}, None),
        ("2021-01-01T00:00:00+00:00", "2022-01-01T00:00:00+00:00", "production", {2021}, 2021),
        ("2020-12-31T00:00:00+00:00", "2022-01-02T00:00:00+00:00", "activity", {2022, 2021}, 2021),
        ("2020-12-31T00:00:00+00:00", "2022-01-02T00:00:00+00:00", "activity", {2019, 2023}, None),
    ],
)
def test_an_interval_lies_in_the_years_of_its_lines(
    starts: str, ends: str, kind: str, closed: set[int], first: int | None
) -> None:
    assert year_of(starts, ends, kind, closed) == first


def test_a_register_reading_reaches_from_its_neighbour_to_its_neighbour() -> None:
    slot = RegisterSlot(Metering(METER, ENTERPRISE, CITY).usage)
    first, last = (START + timedelta(days=days) for days in (0, 10))
    assert reach(slot.standing, fact(first)) == (first, first)
    slot.place(fact(first), None)
    assert reach(slot.standing, fact(last)) == (first, last)
    slot.place(fact(last), None)
    between = START + timedelta(days=4)
    assert reach(slot.standing, fact(between)) == (first, last)
    assert reach(slot.standing, fact(first)) == (first, last)


@given(
    st.lists(st.integers(0, 24 * 9), min_size=1, max_size=8, unique=True),
    st.sampled_from([CITY, ZoneInfo("UTC")]),
    st.sets(st.sampled_from([2021, 2022]), min_size=1),
)
def test_a_reading_that_is_let_through_changes_no_closed_year(
    hours: list[int], zone: ZoneInfo, closed: set[int]
) -> None:
    slot = RegisterSlot(Metering(METER, ENTERPRISE, zone).usage)
    posted: dict[bytes, set[int]] = {}
    for hour in hours:
        one = fact(START + timedelta(hours=hour))
        stopped = first_closed([one], [reach(slot.standing, one)], frozenset(closed), zone)
        if stopped is not None:
            assert stopped in closed
            continue
        change = slot.place(one, None)
        for reading in change.ended:
            assert not posted.pop(reading.key) & closed
        for posting in change.posted:
            posted[posting.fact.key] = {piece.month.year for piece in posting.pieces}
            assert not posted[posting.fact.key] & closed


def test_what_an_event_waits_for_names_the_year() -> None:
    assert waits_for_year(2024) == "year:2024"
