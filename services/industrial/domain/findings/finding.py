"""What every rule is given, and what it gives."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from services.industrial.domain.findings.load import Load
from services.industrial.domain.lines import Line
from services.industrial.domain.tariffs import Tariffs
from shared.methodology import CARRIERS

Confidence = Literal["high", "medium", "low"]
Words = Mapping[str, str]
Point = Mapping[str, str | int | None]


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
class Scope:
    """What a finding is about. An asset of None is the enterprise as a whole."""

    asset_id: str | None
    meter_id: str | None
    carrier: str | None
    unit: str

    def named(self) -> tuple[str, str]:
        """In English and Chinese."""
        if self.meter_id is not None:
            return f"meter {self.meter_id}", f"计量点{self.meter_id}"
        return self.asset_id or "the enterprise", self.asset_id or "企业"

    def carrier_named(self) -> tuple[str, str]:
        """The carrier in English and Chinese."""
        found = CARRIERS.get(self.carrier or "")
        return (found.name_en, found.name_zh) if found else ("energy", "能源")


@dataclass(frozen=True, slots=True)
class Given:
    """A period [first, until) of one account as the rules see it.

    `outputs` has the output of each month beside which the load of an asset is seen, `mg_per_unit`
    what was posted per unit of a carrier.
    """

    first: date
    until: date
    loads: Sequence[Load] = ()
    uses: Sequence[Use] = ()
    lines: Sequence[Line] = ()
    outputs: Mapping[str | None, Mapping[date, Decimal]] = field(default_factory=dict)
    mg_per_unit: Mapping[tuple[str, str], Fraction] = field(default_factory=dict)
    tariffs: Tariffs = field(default_factory=Tariffs)

    def emitted(self, carrier: str, unit: str) -> Fraction:
        """Milligrams per unit of a carrier."""
        return self.mg_per_unit.get((carrier, unit), Fraction(0))


@dataclass(frozen=True, slots=True)
class Finding:
    """A reduction point. `level` is what it was measured at, `target` what it could be.

    `avoidable` is in `unit`; each of it emits `mg_per_unit` and costs `yuan_per_unit` (None: there
    is no tariff). `output` per day goes with the level of what works (None: does not, or unknown).
    """

    kind: str
    scope: Scope
    level: Fraction
    level_unit: str
    target: Fraction
    avoidable: Fraction
    unit: str
    mg_per_unit: Fraction
    yuan_per_unit: Fraction | None
    confidence: Confidence
    first: date
    last: date
    figures: Mapping[str, str]
    series: Sequence[Point]
    reason: Words
    output: Fraction | None = None

    @property
    def avoidable_mg(self) -> int:
        return round(self.avoidable * self.mg_per_unit)

    @property
    def yuan(self) -> Fraction | None:
        return None if self.yuan_per_unit is None else self.avoidable * self.yuan_per_unit


@dataclass(frozen=True, slots=True)
class Level:
    """What a finding's scope runs at in a period, over `weight` hours, days, months or output;
    `output` as in Finding."""

    value: Fraction
    weight: Fraction
    output: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of finding. `adds_up`: what it finds is in no other finding that adds up."""

    kind: str
    adds_up: bool
    formula: Words
    find: Callable[[Given], Iterable[Finding]]
    level: Callable[[Given, Scope], Level | None]


def load_of(given: Given, scope: Scope) -> Load | None:
    """The load of a scope's meter."""
    return next((load for load in given.loads if load.meter_id == scope.meter_id), None)


def scope_of(load: Load) -> Scope:
    return Scope(load.asset_id, load.meter_id, load.carrier, load.unit)


def confident(count: int, high: int, medium: int) -> Confidence:
    """By how much there was to look at."""
    if count >= high:
        return "high"
    return "medium" if count >= medium else "low"
