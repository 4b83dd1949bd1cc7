"""Where an enterprise could use less: its own better months show what is possible."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

MONTHS_MIN = 3


@dataclass(frozen=True, slots=True)
class Use:
    """What an asset used of a carrier in a month, what that emitted, and the account's output."""

    asset_id: str | None
    carrier: str
    unit: str
    month: date
    quantity: Decimal
    amount_mg: int
    output: Decimal

    @property
    def specific(self) -> Fraction:
        """Units used per unit of output."""
        return Fraction(self.quantity) / Fraction(self.output)


@dataclass(frozen=True, slots=True)
class Opportunity:
    """`avoidable_mg`: what the months above the median specific use emitted beyond it.

    `rising_months` counts the latest month-over-month rises without a fall between them.
    """

    asset_id: str | None
    carrier: str
    unit: str
    amount_mg: int
    median: Fraction
    latest: Fraction
    rising_months: int
    avoidable_mg: int


def rank(uses: Iterable[Use]) -> list[Opportunity]:
    """Opportunities of one account and year, the greatest first.

    Only what was used in at least three months with output can be compared.
    """
    series: dict[tuple[str | None, str, str], list[Use]] = defaultdict(list)
    for use in uses:
        series[use.asset_id, use.carrier, use.unit].append(use)
    found = [
        _opportunity(sorted(months, key=lambda use: use.month))
        for months in series.values()
        if len(months) >= MONTHS_MIN
    ]
    worth = [one for one in found if one.avoidable_mg > 0]
    return sorted(worth, key=lambda o: (-o.avoidable_mg, o.asset_id or "", o.carrier, o.unit))


def _opportunity(months: Sequence[Use]) -> Opportunity:
    specific = [use.specific for use in months]
    median = _median(specific)
    excess = sum(
        (use.amount_mg * (1 - median / use.specific) for use in months if use.specific > median),
        Fraction(0),
    )
    first = months[0]
    return Opportunity(
        first.asset_id,
        first.carrier,
        first.unit,
        sum(use.amount_mg for use in months),
        median,
        specific[-1],
        _rises(specific),
        round(excess),
    )


def _median(values: Sequence[Fraction]) -> Fraction:
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _rises(values: Sequence[Fraction]) -> int:
    count = 0
    for before, after in zip(reversed(values[:-1]), reversed(values[1:]), strict=True):
        if after <= before:
            break
        count += 1
    return count
