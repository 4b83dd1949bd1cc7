"""Ledger lines: what an event should have in the ledger, one line per month."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from services.agri.domain.records import Fact
from services.agri.domain.tables import Label
from shared.units.amount import split_amounts
from shared.units.calendar import split_dates

Pathway = Literal["straw", "soil", "manure", "gross"]
NEUTRALISING: tuple[Pathway, ...] = ("straw", "soil", "manure")

_SHOWN = 9


@dataclass(slots=True, frozen=True)
class Basis:
    """What an amount was computed from: `factor` is mg CO2e per `unit`."""

    pathway: Pathway
    quantity: Fraction
    unit: str
    factor: Fraction
    label: Label
    rule: str


@dataclass(slots=True, frozen=True)
class Line:
    """One month of one event; `amount` in mg CO2e, negative for what was lost."""

    month: date
    pathway: Pathway
    parcel: str
    quantity: Decimal
    unit: str
    factor: Decimal
    factor_set: str
    factor_version: str
    rule: str
    amount: int


def lines(fact: Fact, basis: Basis, amount: int) -> list[Line]:
    """Spread an amount over the months of the record by days; the parts sum to it."""
    parts = split_dates(fact.starts, fact.ends)
    amounts = split_amounts([amount * part.share for part in parts])
    factor = _decimal(basis.factor)
    return [
        Line(
            month=part.month,
            pathway=basis.pathway,
            parcel=fact.record.parcel_id,
            quantity=_decimal(basis.quantity * part.share),
            unit=basis.unit,
            factor=factor,
            factor_set=basis.label.set,
            factor_version=basis.label.version,
            rule=basis.rule,
            amount=mg,
        )
        for part, mg in zip(parts, amounts, strict=True)
    ]


def _decimal(value: Fraction) -> Decimal:
    # Shown for lineage only; the amount was computed from the exact value.
    return Decimal(round(value * 10**_SHOWN)).scaleb(-_SHOWN)
