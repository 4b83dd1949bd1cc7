"""Totals per account and year: sums of the entries."""

from dataclasses import dataclass, field, fields
from decimal import Decimal

from services.industrial.domain.entries import (
    AVOIDED,
    ENERGY,
    EXACT,
    OUTPUT,
    PROCESS,
    PV,
    TAKEN_BACK,
    TOTALLED,
    VALUE_ADDED,
    Entry,
)
from shared.methodology import MEASURED

_SHARE = Decimal("1e-6")


def _months() -> list[int]:
    return [0] * 12


def _covered(counts: list[int]) -> list[int]:
    return [month for month, count in enumerate(counts, 1) if count]


@dataclass(slots=True)
class Year:
    """One account's year. `energy_readings` and `output_reports` count standing entries by month,
    `factor_sets` those that were computed with each set; `actual_mg` to `substituted_mg` are the
    energy emissions by quality of the data, `measured_mg` those by measured properties, absolute.
    These and `energy_readings` are of what was used, and leave out what was taken back.
    `energy_months` to `avoided_months` are the milligrams of each month."""

    energy_mg: int = 0
    process_mg: int = 0
    avoided_mg: int = 0
    pv_mg: int = 0
    output: Decimal = Decimal(0)
    value_added: Decimal = Decimal(0)
    actual_mg: int = 0
    estimated_mg: int = 0
    substituted_mg: int = 0
    energy_readings: list[int] = field(default_factory=_months)
    output_reports: list[int] = field(default_factory=_months)
    factor_sets: dict[str, int] = field(default_factory=dict)
    energy_months: list[int] = field(default_factory=_months)
    process_months: list[int] = field(default_factory=_months)
    avoided_months: list[int] = field(default_factory=_months)

    measured_mg: int = 0

    def add(self, entry: Entry) -> None:
        """Take an entry into account."""
        category, standing = entry.category, 1 if entry.reverses is None else -1
        if category == ENERGY:
            self.energy_mg += entry.amount_mg
            self.energy_months[entry.month.month - 1] += entry.amount_mg
            if entry.activity not in TAKEN_BACK:
                self._add_use(entry, standing)
        elif category == PROCESS:
            self.process_mg += entry.amount_mg
            self.process_months[entry.month.month - 1] += entry.amount_mg
        elif category == AVOIDED:
            self.avoided_mg += entry.amount_mg
            self.avoided_months[entry.month.month - 1] += entry.amount_mg
        elif category == PV:
            self.pv_mg += entry.amount_mg
        elif category == OUTPUT:
            self.output = EXACT.add(self.output, entry.quantity)
            self.output_reports[entry.month.month - 1] += standing
        elif category == VALUE_ADDED:
            self.value_added = EXACT.add(self.value_added, entry.quantity)
        if entry.factor_set is not None and category in TOTALLED:
            name = f"{entry.factor_set}@{entry.factor_version}"
            self.factor_sets[name] = self.factor_sets.get(name, 0) + standing

    def _add_use(self, entry: Entry, standing: int) -> None:
        amount_mg = standing * abs(entry.amount_mg)
        self.energy_readings[entry.month.month - 1] += standing
        self._add_quality(entry.quality, amount_mg)
        if entry.factor_set == MEASURED:
            self.measured_mg += amount_mg

    def _add_quality(self, quality: str, amount_mg: int) -> None:
        if quality == "actual":
            self.actual_mg += amount_mg
        elif quality == "estimated":
            self.estimated_mg += amount_mg
        else:
            self.substituted_mg += amount_mg

    def measured_share(self) -> Decimal | None:
        """Share of the energy emissions computed with measured fuel properties; None without any."""
        whole = self.actual_mg + self.estimated_mg + self.substituted_mg
        return (Decimal(self.measured_mg) / whole).quantize(_SHARE) if whole > 0 else None

    @property
    def total_mg(self) -> int:
        """energy + process - avoided."""
        return self.energy_mg + self.process_mg - self.avoided_mg

    @property
    def energy_covered(self) -> list[int]:
        """The months (1 to 12) in which a reading of what was used stands."""
        return _covered(self.energy_readings)

    @property
    def output_covered(self) -> list[int]:
        """The months in which an output stands."""
        return _covered(self.output_reports)

    @property
    def months_energy(self) -> int:
        """How many they are."""
        return len(self.energy_covered)

    @property
    def months_output(self) -> int:
        """How many they are."""
        return len(self.output_covered)

    def standing_sets(self) -> list[str]:
        """The factor sets of what stands."""
        return sorted(name for name, count in self.factor_sets.items() if count > 0)

    def quality(self) -> dict[str, Decimal]:
        """Share of the energy emissions by quality of the data; empty without any."""
        parts = {
            "actual": self.actual_mg,
            "estimated": self.estimated_mg,
            "substituted": self.substituted_mg,
        }
        whole = sum(parts.values())
        if whole <= 0:
            return {}
        return {name: (Decimal(mg) / whole).quantize(_SHARE) for name, mg in parts.items()}


YEAR_FIELDS = tuple(f.name for f in fields(Year))
