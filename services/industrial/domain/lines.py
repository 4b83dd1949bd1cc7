"""Lines: assets for which production is reported, their intensity, and their best month."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from statistics import median

from shared.units.amount import MG_PER_T
from shared.units.calendar import next_month

# A month with less than half of the line's usual output says little about what it needs.
MEANINGFUL = Fraction(1, 2)

Parents = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class LineMonth:
    """What a line and all below it emitted in a month, and what it made; `spread` as of Posted."""

    month: date
    amount_mg: int
    output: Fraction
    spread: bool = False

    @property
    def intensity(self) -> Fraction:
        """t CO2e per unit of output; only where there is one."""
        return Fraction(self.amount_mg, MG_PER_T) / self.output


@dataclass(frozen=True, slots=True)
class Line:
    """An asset with production reports of its own; `months` are those with output."""

    asset_id: str
    kind: str | None
    product: str
    unit: str
    months: Sequence[LineMonth]
    yuan: Fraction | None = None

    @property
    def amount_mg(self) -> int:
        return sum(month.amount_mg for month in self.months)

    def measured(self) -> "Line":
        """Without the months for which nothing was posted, as nothing is known of what they need."""
        return replace(self, months=[month for month in self.months if month.amount_mg > 0])

    @property
    def output(self) -> Fraction:
        return sum((month.output for month in self.months), Fraction(0))

    @property
    def intensity(self) -> Fraction:
        """t CO2e per unit of output over its months."""
        return Fraction(self.amount_mg, MG_PER_T) / self.output


def best_month(line: Line, until: date) -> LineMonth | None:
    """The month of the lowest intensity among those with at least half of the median output, and
    with emissions where any month has some.

    Of those that are over on the day `until` and that stand for themselves; None when there are none.
    """
    months = [
        month
        for month in line.measured().months or line.months
        if not month.spread and next_month(month.month) <= until
    ]
    if not months:
        return None
    least = median(month.output for month in months) * MEANINGFUL
    return min(
        (month for month in months if month.output >= least),
        key=lambda month: (month.intensity, month.month),
    )


def above(asset: str | None, parents: Parents) -> list[str]:
    """An asset and all that it hangs on, itself first."""
    found: list[str] = []
    while asset is not None and asset not in found:
        found.append(asset)
        asset = parents.get(asset)
    return found


def lines_of(
    amounts: Iterable[tuple[str | None, date, int]],
    outputs: Iterable[tuple[str | None, str, str, date, Fraction]],
    parents: Parents,
    kinds: Mapping[str, str],
    spread: Collection[tuple[str | None, date]] = (),
) -> list[Line]:
    """Lines from emissions by asset and month and outputs by asset, product, unit and month.

    What hangs on an asset counts as its own. Several products of an asset make as many lines,
    none of which can be compared: its emissions are not told apart. They are left out.
    """
    emitted: dict[tuple[str, date], int] = {}
    for asset, month, amount in amounts:
        for name in above(asset, parents):
            emitted[name, month] = emitted.get((name, month), 0) + amount
    made: dict[str, dict[tuple[str, str], dict[date, Fraction]]] = {}
    for asset, product, unit, month, quantity in outputs:
        if asset is not None and quantity > 0:
            made.setdefault(asset, {}).setdefault((product, unit), {})[month] = quantity
    return [
        Line(
            asset,
            kinds.get(asset),
            *next(iter(products)),
            [
                LineMonth(month, emitted.get((asset, month), 0), quantity, (asset, month) in spread)
                for month, quantity in sorted(next(iter(products.values())).items())
            ],
        )
        for asset, products in sorted(made.items())
        if len(products) == 1
    ]
