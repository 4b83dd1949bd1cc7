"""The rows of the data files: what each field is, and which values it may have."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

import msgspec

from shared.events.words import Channel, PaymentKind

Confidence = Literal["V", "V2", "D", "R", "P"]
LabelKind = Literal["industrial", "agri", "personal"]
Bucket = Literal["energy", "process", "avoided"]
Edition = Literal["2019", "2006"]
Effect = Literal["keeps", "removes", "adds"]
Sector = Literal[
    "any",
    "cement",
    "lime",
    "glass",
    "ceramics",
    "chemicals",
    "paper",
    "machinery",
    "power",
    "food",
]


class Share(Fraction):
    """0 to 1."""


class Amount(Fraction):
    """Zero or more."""


class Positive(Fraction):
    """More than zero."""


class Signed(Fraction):
    """Any number."""


_RANGES: dict[type, tuple[str, Any]] = {
    Share: ("a share between 0 and 1", lambda number: 0 <= number <= 1),
    Amount: ("a number of zero or more", lambda number: number >= 0),
    Positive: ("a number above zero", lambda number: number > 0),
    Signed: ("a number such as 0.98 or 44/12", lambda number: True),
}


def exact(wanted: type, text: Any) -> Any:
    """Text as an exact number of the wanted range; ValueError says what was expected."""
    if wanted not in _RANGES:
        raise ValueError(f"expected {wanted.__name__}")
    meaning, allowed = _RANGES[wanted]
    try:
        number = wanted(text)
    except (ValueError, TypeError, ZeroDivisionError):
        raise ValueError(f"expected {meaning}, got {text!r}") from None
    if not allowed(number):
        raise ValueError(f"expected {meaning}, got {text}")
    return number


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Header(_Strict, frozen=True, kw_only=True):
    """Head of every file; `source`, `confidence` and the dates are the defaults of its rows."""

    set: str
    version: str
    name_en: str
    name_zh: str
    valid_from: date
    valid_to: date | None = None
    source: str | None = None
    confidence: Confidence | None = None


class Row(_Strict, frozen=True, kw_only=True):
    """What every row carries: V verified, V2 twice, D derived, R remembered, P proposed.

    Decimal fields of rows are above zero; the reader checks it.
    """

    source: str
    confidence: Confidence
    valid_from: date
    valid_to: date | None = None
    note: str | None = None


class Fuel(Row, frozen=True, kw_only=True):
    """`ncv` GJ per `unit`, `carbon` tC/GJ, `oxidation` share."""

    unit: Literal["t", "1e4Nm3"]
    ncv: Positive
    carbon: Amount
    oxidation: Share


class SectorRow(Row, frozen=True, kw_only=True):
    """One GB/T 4754 division and the fuel set that its enterprises take."""

    fuels: Literal["fuels_a", "fuels_b"]
    name_en: str
    name_zh: str


class GridRow(Row, frozen=True, kw_only=True):
    """t CO2 per MWh of one region and year."""

    region: str
    year: int
    value: Amount


class HeatRow(Row, frozen=True, kw_only=True):
    """t CO2 per GJ; for steam by mass also its enthalpy and that of its feed water, kJ per kg."""

    value: Amount
    enthalpy: Positive | None = None
    feed_water: Positive | None = None


class ProcessRow(Row, frozen=True, kw_only=True):
    """`per_unit` t of `gas` per `unit`; a negative figure takes carbon out of the account.

    `contents` are t of `gas` per t of the named share. A key of `scales` names one share, or
    several whose product counts, joined by `*`.
    """

    name_en: str
    name_zh: str
    unit: Literal["t", "1e4Nm3"]
    per_unit: Signed
    gas: str = "CO2"
    bucket: Bucket = "process"
    purity: bool = False
    contents: dict[str, Signed] = {}
    scales: dict[str, Effect] = {}
    needs_share: bool = False
    sectors: tuple[Sector, ...]


class GwpRow(Row, frozen=True, kw_only=True):
    """Global warming potential over 100 years of each gas."""

    gases: dict[str, Positive]


class EditionRow(Row, frozen=True, kw_only=True):
    """One figure in both editions of the IPCC guidelines."""

    name_en: str
    name_zh: str
    e2019: Amount = msgspec.field(name="2019")
    e2006: Amount = msgspec.field(name="2006")

    def of(self, edition: Edition) -> Fraction:
        """The figure of an edition."""
        return Fraction(self.e2019 if edition == "2019" else self.e2006)


class FigureRow(Row, frozen=True, kw_only=True):
    """One figure and its unit."""

    value: Amount
    unit: str


class StrawRow(Row, frozen=True, kw_only=True):
    """kgC/ha/yr = `slope` x S + `intercept`, S in t/ha/yr."""

    name_en: str
    name_zh: str
    slope: Positive
    intercept: Amount


class AnimalRow(Row, frozen=True, kw_only=True):
    """Weight in kg; VS and N in kg per 1000 kg of weight and day; B0 in m3 CH4 per kg VS."""

    name_en: str
    name_zh: str
    weight: Positive
    vs: Positive
    n: Positive
    b0: Positive


class ManureRow(Row, frozen=True, kw_only=True):
    """`ch4` g per kg VS, or `mcf` where only B0 x 0.67 x MCF is had; `ef3` kg N2O-N per kg N."""

    name_en: str
    name_zh: str
    ef3: Amount
    ch4: Amount | None = None
    mcf: Share | None = None


class PaddyRow(Row, frozen=True, kw_only=True):
    """Methane of a flooded season: kg/ha/day, days, and the straw terms of the IPCC equation."""

    ch4_kg_per_ha_day: Positive
    days: int
    exponent: Positive
    cfoa_short: Share
    cfoa_long: Share


class BurningRow(Row, frozen=True, kw_only=True):
    """Straw burnt in the field: g of each gas per kg that burns, `burnt` the share that does."""

    name_en: str
    name_zh: str
    ch4: Amount
    n2o: Amount
    burnt: Share


class FarmSourceRow(Row, frozen=True, kw_only=True):
    """kg of each gas per unit of a farm's own emission source.

    Of nitrogen, `ef1` and `frac_gas` name the rows of the nitrous oxide table that it takes.
    """

    name_en: str
    name_zh: str
    unit: Literal["t", "ha", "head"]
    co2: Amount = Amount(0)
    ch4: Amount = Amount(0)
    n2o: Amount = Amount(0)
    ef1: str | None = None
    frac_gas: str | None = None


class ScenarioRow(Row, frozen=True, kw_only=True):
    """One of the 18 everyday scenarios; `factor_g` per `unit`, `cap` in units per period."""

    number: int
    kind: PaymentKind
    name_en: str
    name_zh: str
    factor_g: Decimal
    unit: str
    formula: Literal["per_event", "per_quantity", "saving"]
    cap: Decimal
    cap_period: Literal["day", "month"] = "day"
    channels: tuple[Channel, ...]


class FarmTypeRow(Row, frozen=True, kw_only=True):
    """What was published of a type of farm: the share of the city's farms with an account."""

    name_en: str
    name_zh: str
    published_coverage: Share


class RegionFacts(Row, frozen=True, kw_only=True):
    """Facts of the model city."""

    name_en: str
    name_zh: str
    grid_region: str
    residents: int
    personal_customers: int
    personal_t: Decimal
    kg_per_tree: Positive
    credit_cny_per_t: Decimal
