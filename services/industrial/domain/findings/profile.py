"""What rules on loads have in common: the series they show, what is worth telling."""

from datetime import date
from fractions import Fraction

from services.industrial.domain.findings.finding import Point
from services.industrial.domain.findings.load import Load, Used
from shared.units.amount import ratio_text

# Less of the level than this may be chance.
WORTH_MIN = Fraction(1, 20)


def worth(level: Fraction, target: Fraction) -> bool:
    """Is the way from the level to the target long enough to be told?"""
    return level > 0 and level - target >= WORTH_MIN * level


def year_of(day: date) -> tuple[date, date]:
    """The first day of a year and that of the next."""
    return date(day.year, 1, 1), date(day.year + 1, 1, 1)


def hourly(load: Load) -> list[Point]:
    """The mean load of each hour of the day, on working and on other days."""
    return [
        {
            "hour": hour,
            "working": _rate(load.hours.get((False, hour))),
            "non_working": _rate(load.hours.get((True, hour))),
        }
        for hour in range(24)
    ]


def _rate(used: Used | None) -> str | None:
    return ratio_text(used.rate) if used and used.hours else None
