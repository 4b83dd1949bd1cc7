"""What was posted for each asset in each month, and what follows from it for comparisons."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from services.industrial.domain.entries import AVOIDED, ENERGY, OUTPUT, TOTALLED
from services.industrial.domain.findings.finding import Use
from services.industrial.domain.lines import Line, Parents, above, lines_of
from services.industrial.domain.tariffs import Tariffs
from shared.units.calendar import next_month


class Posted(NamedTuple):
    """Sums of entries; `metered` are those of meters, others were reported as such.

    `spread`: some is of a reading or report over more than two months, which says nothing of one.
    """

    asset_id: str | None
    category: str
    activity: str
    unit: str
    month: date
    metered: bool
    quantity: Decimal
    amount_mg: int
    spread: bool = False


def whole_months(rows: Iterable[Posted], first: date, until: date) -> list[Posted]:
    """Those of the months that lie in [first, until) as a whole."""
    return [r for r in rows if first <= r.month and next_month(r.month) <= until]


def outputs_of(
    rows: Iterable[Posted], parents: Parents, assets: Iterable[str | None]
) -> dict[str | None, dict[date, Decimal]]:
    """The output of each month beside which what these assets use is seen."""
    made = _outputs_by_asset(rows)
    return {asset: made[_reporter(asset, made, parents)] for asset in assets}


def uses_of(rows: Sequence[Posted], parents: Parents) -> list[Use]:
    """What meters read in the months with output, where both are of that month."""
    made, spread = _outputs_by_asset(rows), _spread_outputs(rows)
    found = []
    for row in rows:
        if row.category == ENERGY and row.metered and row.quantity > 0 and row.amount_mg > 0:
            reporter = _reporter(row.asset_id, made, parents)
            output = made[reporter].get(row.month, Decimal(0))
            if output > 0 and not row.spread and (reporter, row.month) not in spread:
                found.append(
                    Use(
                        row.asset_id,
                        row.activity,
                        row.unit,
                        row.month,
                        row.quantity,
                        row.amount_mg,
                        output,
                    )
                )
    return found


def _reporter(asset: str | None, made: Collection[str | None], parents: Parents) -> str | None:
    """Whose output goes with an asset: its own or that of the nearest it hangs on, where it is
    reported by asset, else the enterprise's."""
    return next((holder for holder in above(asset, parents) if holder in made), None)


def _outputs_by_asset(rows: Iterable[Posted]) -> dict[str | None, dict[date, Decimal]]:
    """The output of each month; of None everybody's."""
    made: dict[str | None, dict[date, Decimal]] = {None: {}}
    for row in rows:
        if row.category == OUTPUT:
            for asset in {None, row.asset_id}:
                months = made.setdefault(asset, {})
                months[row.month] = months.get(row.month, Decimal(0)) + row.quantity
    return made


def _spread_outputs(rows: Iterable[Posted]) -> set[tuple[str | None, date]]:
    """Whose output of which months is spread; of None anybody's."""
    return {
        (asset, row.month)
        for row in rows
        if row.category == OUTPUT and row.spread
        for asset in (None, row.asset_id)
    }


def emitted_per_unit(rows: Iterable[Posted]) -> dict[tuple[str, str], Fraction]:
    """Milligrams per unit of each carrier, as posted."""
    sums: dict[tuple[str, str], tuple[Fraction, int]] = {}
    for row in rows:
        if row.category == ENERGY and row.metered:
            quantity, amount = sums.get((row.activity, row.unit), (Fraction(0), 0))
            sums[row.activity, row.unit] = quantity + Fraction(row.quantity), amount + row.amount_mg
    return {key: amount / quantity for key, (quantity, amount) in sums.items() if quantity > 0}


def lines_with_costs(
    rows: Sequence[Posted], parents: Parents, kinds: Mapping[str, str], tariffs: Tariffs
) -> list[Line]:
    """Lines over their months with output, with what the energy of those months costs."""
    amounts = [(r.asset_id, r.month, _total(r)) for r in rows if r.category in TOTALLED]
    outputs = [
        (r.asset_id, r.activity, r.unit, r.month, Fraction(r.quantity))
        for r in rows
        if r.category == OUTPUT
    ]
    costs: dict[tuple[str, date], Fraction] = defaultdict(Fraction)
    for row in rows:
        price = tariffs.price(row.activity, row.unit)
        if row.category == ENERGY and row.metered and price is not None:
            for asset in above(row.asset_id, parents):
                costs[asset, row.month] += Fraction(row.quantity) * price
    lines = lines_of(amounts, outputs, parents, kinds, _spread_lines(rows, parents))
    return [_with_costs(line, costs) for line in lines]


def _spread_lines(rows: Iterable[Posted], parents: Parents) -> set[tuple[str | None, date]]:
    """The months in which an output, or an emission of what hangs on a line too, is spread."""
    found: set[tuple[str | None, date]] = set()
    for row in rows:
        if row.spread and row.category == OUTPUT:
            found.add((row.asset_id, row.month))
        elif row.spread and row.category in TOTALLED:
            found.update((asset, row.month) for asset in above(row.asset_id, parents))
    return found


def _with_costs(line: Line, costs: Mapping[tuple[str, date], Fraction]) -> Line:
    months = [costs[key] for month in line.months if (key := (line.asset_id, month.month)) in costs]
    return replace(line, yuan=sum(months, Fraction(0))) if months else line


def _total(row: Posted) -> int:
    return -row.amount_mg if row.category == AVOIDED else row.amount_mg
