"""The account of a farm and year: what it neutralised against what it emitted."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from services.agri.domain.lines import Pathway


@dataclass(slots=True, frozen=True)
class Totals:
    """Sums of ledger entries in mg CO2e; `gross` are the farm's emissions."""

    straw: int = 0
    soil: int = 0
    manure: int = 0
    gross: int = 0

    @property
    def neutralised(self) -> int:
        return self.straw + self.soil + self.manure

    @property
    def ratio(self) -> Fraction | None:
        """Neutralised per gross, exact; None when nothing was emitted."""
        return Fraction(self.neutralised, self.gross) if self.gross else None


def totals(amounts: Iterable[tuple[Pathway, int]]) -> Totals:
    """Totals of (pathway, amount in mg) pairs."""
    sums: dict[str, int] = defaultdict(int)
    for pathway, amount in amounts:
        sums[pathway] += amount
    return Totals(**sums)
