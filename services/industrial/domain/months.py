"""Totals per account and month: sums of the entries."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal

from services.industrial.domain.entries import (
    AVOIDED,
    ENERGY,
    EXACT,
    OUTPUT,
    PROCESS,
    PV,
    SIGNS,
    VALUE_ADDED,
    Entry,
)


@dataclass(slots=True)
class Month:
    """`energy_readings` and `output_reports` count standing entries; the last three are the
    absolute energy emissions by quality of the data."""

    energy_mg: int = 0
    process_mg: int = 0
    avoided_mg: int = 0
    pv_mg: int = 0
    energy_readings: int = 0
    output: Decimal = Decimal(0)
    output_reports: int = 0
    value_added: Decimal = Decimal(0)
    actual_mg: int = 0
    estimated_mg: int = 0
    substituted_mg: int = 0

    def add(self, entry: Entry) -> None:
        """Take an entry into account."""
        category, standing = entry.category, 1 if entry.reverses is None else -1
        if category == ENERGY:
            self.energy_mg += entry.amount_mg
            self.energy_readings += standing
            self._add_quality(entry.quality, standing * abs(entry.amount_mg))
        elif category == PROCESS:
            self.process_mg += entry.amount_mg
        elif category == AVOIDED:
            self.avoided_mg += entry.amount_mg
        elif category == PV:
            self.pv_mg += entry.amount_mg
        elif category == OUTPUT:
            self.output = EXACT.add(self.output, entry.quantity)
            self.output_reports += standing
        elif category == VALUE_ADDED:
            self.value_added = EXACT.add(self.value_added, entry.quantity)

    def _add_quality(self, quality: str, amount_mg: int) -> None:
        if quality == "actual":
            self.actual_mg += amount_mg
        elif quality == "estimated":
            self.estimated_mg += amount_mg
        else:
            self.substituted_mg += amount_mg

    def include(self, other: "Month") -> None:
        """Add the sums of another month."""
        self.energy_mg += other.energy_mg
        self.process_mg += other.process_mg
        self.avoided_mg += other.avoided_mg
        self.pv_mg += other.pv_mg
        self.energy_readings += other.energy_readings
        self.output = EXACT.add(self.output, other.output)
        self.output_reports += other.output_reports
        self.value_added = EXACT.add(self.value_added, other.value_added)
        self.actual_mg += other.actual_mg
        self.estimated_mg += other.estimated_mg
        self.substituted_mg += other.substituted_mg

    @property
    def total_mg(self) -> int:
        """energy + process - avoided."""
        return self.energy_mg + self.process_mg - self.avoided_mg


MONTH_FIELDS = tuple(f.name for f in fields(Month))


@dataclass(slots=True)
class Deltas:
    """What a batch's entries change: per (account, month), and by (account, year) how many
    standing entries each factor set has more or less."""

    months: dict[tuple[int, date], Month] = field(default_factory=lambda: defaultdict(Month))
    sets: dict[tuple[int, int], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, entry: Entry) -> None:
        """Take an entry into account."""
        self.months[entry.account, entry.month].add(entry)
        if entry.factor_set is not None and entry.category in SIGNS:
            name = f"{entry.factor_set}@{entry.factor_version}"
            self.sets[entry.account, entry.month.year][name] += 1 if entry.reverses is None else -1


@dataclass(slots=True, frozen=True)
class Year:
    """One account's year."""

    total: Month
    months_energy: int
    months_output: int
    factor_sets: tuple[str, ...]

    def quality(self) -> dict[str, Decimal]:
        """Share of the energy emissions by quality of the data; empty without any."""
        parts = {
            "actual": self.total.actual_mg,
            "estimated": self.total.estimated_mg,
            "substituted": self.total.substituted_mg,
        }
        whole = sum(parts.values())
        if whole <= 0:
            return {}
        return {name: (Decimal(mg) / whole).quantize(Decimal("1e-6")) for name, mg in parts.items()}


def year_of(months: Iterable[Month], factor_sets: Iterable[str]) -> Year:
    """Sum the months of one account and year."""
    total, with_energy, with_output = Month(), 0, 0
    for month in months:
        total.include(month)
        with_energy += month.energy_readings > 0
        with_output += month.output_reports > 0
    return Year(total, with_energy, with_output, tuple(sorted(factor_sets)))
