"""Straw return: soil carbon from the year's straw on a parcel, by regional regression.

t CO2e per ha = (a * S + b) / 1000 * 44/12 with S in t/ha, none without straw. The regression holds
for a whole year, so the intercept and the limit of S apply once to the sum of all returns.
Straw that used to be burnt in the field (a share that the record states) also saves the methane and
nitrous oxide of burning, as far as it lies below the limit.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction

from services.agri.domain.lines import Basis, Line, lines
from services.agri.domain.records import Fact, above_zero, in_range, require, zero_or_more
from services.agri.domain.tables import STRAW_REGION, label, tables
from shared.events.types import FarmRecord
from shared.methodology.factors import CARBON_TO_CO2
from shared.units.amount import MG_PER_T, milligrams, round_half_even

RULE = "straw.regression"
BURNING = "straw.burning"
DAYS_SHORT = 30


def straw_t_per_ha(record: FarmRecord) -> Fraction:
    """S of one return."""
    return zero_or_more(record, "straw_kg_per_ha") / 1000


def t_per_ha(straw: Fraction, year: int) -> Fraction:
    """What a year's straw (t/ha) keeps in the soil, t CO2e per ha."""
    if not straw:
        return Fraction(0)
    slope, intercept = tables(year).straw[STRAW_REGION]
    limited = min(straw, tables(year).straw_cap_t_per_ha)
    return (slope * limited + intercept) / 1000 * CARBON_TO_CO2


def targets(facts: Sequence[Fact]) -> dict[bytes, list[Line]]:
    """The lines of all returns of one parcel and year: each adds to those before it.

    The order is that of time and event key, never of arrival. A return of no straw adds nothing,
    whichever area it says.
    """
    wanted = {}
    straw, rate, posted = Fraction(0), Fraction(0), 0
    for fact in sorted(facts, key=lambda fact: fact.order):
        area = above_zero(fact.record, "area_ha")
        returned = straw_t_per_ha(fact.record)
        straw += returned
        before, rate = rate, t_per_ha(straw, fact.year)
        amount = milligrams(area * rate) - posted if returned else 0
        posted += amount
        basis = Basis("straw", area, "ha", (rate - before) * MG_PER_T, label(fact.year), RULE)
        wanted[fact.key] = [*lines(fact, basis, amount), *_not_burnt(fact, area, straw)]
    return wanted


def _not_burnt(fact: Fact, area: Fraction, straw: Fraction) -> list[Line]:
    """What a return saves of burning; `straw` is that of the year with it, t/ha."""
    record = fact.record
    if record.burnt_before is None:
        return []
    require(record, "crop")
    assert record.crop
    limit = tables(fact.year).straw_cap_t_per_ha
    counted = min(straw, limit) - min(straw - straw_t_per_ha(record), limit)
    factor = in_range(record, "burnt_before") * tables(fact.year).straw_burning[record.crop]
    rule = f"{BURNING}.{record.crop}"
    basis = Basis("straw", area * counted, "t", factor * MG_PER_T, label(fact.year), rule)
    return lines(fact, basis, round_half_even(basis.quantity * basis.factor))


def paddy_penalty(records: Iterable[FarmRecord], year: int) -> int:
    """Methane (mg CO2e) that the year's straw drives out of flooded rice; a memo, not deducted.

    IPCC 2019 equation 5.3, each return with the conversion factor of its interval: shorter than 30
    days before flooding or not. A record that doesn't tell it takes the shorter, which emits more.
    """
    paddy = tables(year).paddy
    straw: dict[str, Fraction] = defaultdict(Fraction)
    areas: dict[str, Fraction] = {}
    for record in records:
        days = record.days_before_flooding
        is_short = days is None or days < DAYS_SHORT
        if returned := straw_t_per_ha(record):
            straw[record.parcel_id] += returned * (
                paddy.cfoa_short if is_short else paddy.cfoa_long
            )
            areas[record.parcel_id] = above_zero(record, "area_ha")
    return milligrams(
        sum((areas[p] * _methane_t_per_ha(straw[p], year) for p in straw), Fraction(0))
    )


def _methane_t_per_ha(converted: Fraction, year: int) -> Fraction:
    """Of straw in t/ha times its conversion factor."""
    paddy = tables(year).paddy
    scale = _decimal(1 + converted) ** _decimal(paddy.exponent)
    season_kg = paddy.ch4_kg_per_ha_day * paddy.days
    return season_kg * (Fraction(scale) - 1) * tables(year).gwp_ch4 / 1000


def _decimal(value: Fraction) -> Decimal:
    # The power is irrational: 28 digits of the decimal context are far below a milligram.
    return Decimal(value.numerator) / Decimal(value.denominator)
