"""Months of a year as the city writes them."""

from datetime import date, datetime, timedelta, timezone

# The city's offset has been +08:00 throughout the years that are simulated.
OFFSET = timezone(timedelta(hours=8))


def month_starts(year: int) -> list[date]:
    """Thirteen firsts of months: January to the next January."""
    return [date(year + month // 12, month % 12 + 1, 1) for month in range(13)]


def instant(day: date) -> datetime:
    """Local midnight."""
    return datetime(day.year, day.month, day.day, tzinfo=OFFSET)
