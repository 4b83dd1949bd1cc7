"""A year in parts. What is posted for an asset is its own; with what hangs on it, it is its whole.

Own figures of all parts sum to the enterprise; a whole is the asset's own and the wholes of what
hangs on it directly.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from services.industrial.domain.entries import AVOIDED, ENERGY, EXACT, PROCESS, PV, WATER
from services.industrial.domain.lines import Parents, above
from services.industrial.domain.posted import Posted


@dataclass(slots=True)
class Sums:
    """Quantity in the part's unit, emissions in milligrams."""

    quantity: Decimal = Decimal(0)
    energy_mg: int = 0
    process_mg: int = 0
    avoided_mg: int = 0
    pv_mg: int = 0

    @property
    def total_mg(self) -> int:
        """energy + process - avoided."""
        return self.energy_mg + self.process_mg - self.avoided_mg

    def add(self, other: "Sums") -> None:
        self.quantity = EXACT.add(self.quantity, other.quantity)
        self.energy_mg += other.energy_mg
        self.process_mg += other.process_mg
        self.avoided_mg += other.avoided_mg
        self.pv_mg += other.pv_mg


# What is shown, by category; water has a quantity only.
_FIELDS = {
    ENERGY: "energy_mg",
    PROCESS: "process_mg",
    AVOIDED: "avoided_mg",
    PV: "pv_mg",
    WATER: "energy_mg",
}


class Key(NamedTuple):
    """What a part is of; None in what the year is not divided by."""

    asset_id: str | None
    carrier: str | None
    month: date | None
    unit: str | None


@dataclass(slots=True)
class Part:
    """One part: its own sums, and those with all that hangs on its asset."""

    own: Sums = field(default_factory=Sums)
    whole: Sums = field(default_factory=Sums)


def parts_of(rows: Iterable[Posted], by: Collection[str]) -> Iterator[tuple[Key, Sums]]:
    """Sums of what is shown by any of asset, carrier and month; what was taken back is left out."""
    for row in rows:
        name = _FIELDS.get(row.category)
        if name is None:
            continue
        key = Key(
            row.asset_id if "asset" in by else None,
            row.activity if "carrier" in by else None,
            row.month if "month" in by else None,
            row.unit if "carrier" in by else None,
        )
        sums = Sums(row.quantity)
        setattr(sums, name, row.amount_mg)
        yield key, sums


def rolled_up(rows: Iterable[tuple[Key, Sums]], parents: Parents) -> dict[Key, Part]:
    """Every part, and those of assets that only others hang on, in the order of their keys."""
    parts: dict[Key, Part] = {}
    for key, sums in rows:
        parts.setdefault(key, Part()).own.add(sums)
        holders: list[str | None] = [*above(key.asset_id, parents)]
        for asset in holders or [None]:
            parts.setdefault(key._replace(asset_id=asset), Part()).whole.add(sums)
    return dict(sorted(parts.items(), key=lambda pair: _place(pair[0])))


def _place(key: Key) -> tuple[str, str, str, str]:
    month = key.month.isoformat() if key.month else ""
    return month, key.asset_id or "", key.carrier or "", key.unit or ""
