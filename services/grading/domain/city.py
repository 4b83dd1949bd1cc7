"""The city's mean of a year: what the regional dimension is held against."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction


@dataclass(slots=True, frozen=True)
class CityMean:
    """Sums over the industrial accounts of a year that have declared value added.

    Taken once and kept as a version, so that a label never depends on which account came first.
    `total_t` in t CO2e, `value_added` in 1e4 CNY.
    """

    year: int
    version: int
    accounts: int
    total_t: Decimal
    value_added: Decimal
    taken_at: datetime

    @property
    def mean(self) -> Fraction | None:
        """t CO2e per 1e4 CNY, unrounded; None unless it is above zero."""
        if self.value_added <= 0 or self.total_t <= 0:
            return None
        return Fraction(self.total_t) / Fraction(self.value_added)
