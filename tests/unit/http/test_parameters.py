"""Days and instants in addresses: nothing else that Pydantic would take for one."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.http.parameters import DayAsked, InstantAsked

DAY = TypeAdapter(DayAsked)
INSTANT = TypeAdapter(InstantAsked)
CITY = timezone(timedelta(hours=8))


def test_days_and_instants_are_taken() -> None:
    assert DAY.validate_python("2026-03-01") == date(2026, 3, 1)
    noon = datetime(2026, 3, 1, 12, tzinfo=CITY)
    assert INSTANT.validate_python("2026-03-01T12:00:00+08:00") == noon
    assert INSTANT.validate_python("2026-03-01T04:00:00.000Z") == noon.astimezone(UTC)


@pytest.mark.parametrize(
    "text", ["0", "1700000000", "2026-3-1", "2026-03-01T00:00:00Z", "2026-02-30", "", "today"]
)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        DAY.validate_python(text)


@pytest.mark.parametrize(
    "text",
    ["0", "1700000000", "2026-03-01", "2026-03-01T12:00:00", "2026-03-01 12:00:00Z", "now", ""],
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="with its offset"):
        INSTANT.validate_python(text)


@pytest.mark.parametrize("day", ["0001-01-01", "1899-12-31", "3000-01-01", "9999-12-31"])
def test_what_the_database_takes_for_infinite_is_refused(day: str) -> None:
    with pytest.raises(ValidationError, match="in the years 1900 to 2999"):
        DAY.validate_python(day)
    with pytest.raises(ValidationError, match="in the years 1900 to 2999"):
        INSTANT.validate_python(f"{day}T00:00:00+00:01")
