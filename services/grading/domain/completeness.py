"""How many months of a year an account must cover before it can be graded."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from services.grading.domain.outputs import by_value_added
from shared.events.types import IndustrialAccount
from shared.units.calendar import local_date

WEAK = frozenset({"estimated", "substituted"})


@dataclass(slots=True, frozen=True)
class Months:
    """Months of a year that have gone by, and how many of them a label needs."""

    elapsed: int
    required: int

    @property
    def counted(self) -> int:
        """How many count: what the month under way has covers none of those gone by."""
        return max(self.elapsed, 1)


def months(year: int, past_year: int, now: datetime, zone: ZoneInfo) -> Months:
    """`past_year` of the twelve of a past year; all that have gone by of the running one.

    In January none has, and one is needed all the same: nothing is no ground for a label.
    """
    today = local_date(now, zone)
    if year < today.year:
        return Months(12, past_year)
    elapsed = today.month - 1 if year == today.year else 0
    return Months(elapsed, max(elapsed, 1))


def months_covered(account: IndustrialAccount, unit: str, counted: int = 12) -> tuple[int, ...]:
    """How many of the first `counted` months have energy, and output; value added comes without a
    count of months."""
    energy = _among(counted, account.months_energy, account.energy_covered)
    if by_value_added(account, unit):
        return (energy,)
    return energy, _among(counted, account.months_output, account.output_covered)


def _among(counted: int, count: int, covered: list[int] | None) -> int:
    """All of them where it was not told which they are."""
    return count if covered is None else sum(month <= counted for month in covered)


def thin(covered: int, elapsed: int, share: Fraction) -> bool:
    """Whether fewer than this share of the months gone by are covered."""
    return covered < share * elapsed


def only_weak(quality: Mapping[str, Decimal]) -> bool:
    """Whether the data behind an account are estimated, substituted or defaults throughout."""
    kinds = {kind for kind, share in quality.items() if share > 0}
    return bool(kinds) and kinds <= WEAK
