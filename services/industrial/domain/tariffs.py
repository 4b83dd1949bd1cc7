"""What energy costs an enterprise, in yuan.

The defaults are proposals of the order of East China's industrial prices (two-part tariff with
time of use, tax included), for ranking only; a city sets its own with TANZHANG_TARIFFS.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from services.industrial.domain.entries import decimal_of
from shared.methodology import CARRIERS
from shared.units.amount import decimal_text
from shared.units.quantity import UnitError, convert

ELECTRICITY = "electricity"
VALLEY_HOURS = frozenset({22, 23, 0, 1, 2, 3, 4, 5})
PEAK_HOURS = frozenset({8, 9, 10, 17, 18, 19, 20, 21})

# Name -> unit, yuan per unit. `demand` is the monthly price of the highest quarter of an hour.
DEFAULTS: Mapping[str, tuple[str, str]] = {
    "electricity.peak": ("kWh", "1.10"),
    "electricity.day": ("kWh", "0.70"),
    "electricity.valley": ("kWh", "0.35"),
    "electricity.demand": ("kW", "48"),
    "heat": ("GJ", "70"),
    "steam": ("t", "210"),
    "natural_gas": ("m3", "3.6"),
    "raw_coal": ("t", "750"),
    "anthracite": ("t", "1100"),
    "bituminous": ("t", "800"),
    "washed_coal": ("t", "1300"),
    "coke": ("t", "2000"),
    "fuel_oil": ("t", "5000"),
    "diesel": ("t", "7600"),
    "gasoline": ("t", "8800"),
    "lpg": ("t", "5200"),
    "lng": ("t", "4800"),
}


class TariffError(ValueError):
    """A tariff is written wrongly; says what was expected."""


@dataclass(frozen=True, slots=True)
class Tariffs:
    """Yuan per unit, by the names of DEFAULTS."""

    prices: Mapping[str, tuple[str, Fraction]] = field(
        default_factory=lambda: {n: (u, Fraction(p)) for n, (u, p) in DEFAULTS.items()}
    )

    def price(self, carrier: str, unit: str, hour: int | None = None) -> Fraction | None:
        """Yuan per `unit` at an hour of the day (None: by day); None when there is no tariff."""
        found = self.prices.get(_named(carrier, hour))
        if found is None:
            return None
        try:
            return convert(1, unit, found[0]) * found[1]
        except UnitError:
            return None

    def mean(self, carrier: str, unit: str, hours: Mapping[int, Fraction]) -> Fraction | None:
        """Yuan per `unit` of what was used by hour of the day."""
        whole = sum(hours.values(), Fraction(0))
        prices = {hour: self.price(carrier, unit, hour) for hour in hours}
        if whole <= 0 or None in prices.values():
            return self.price(carrier, unit)
        return (
            sum((used * (prices[hour] or 0) for hour, used in hours.items()), Fraction(0)) / whole
        )

    def demand(self, unit: str) -> Fraction:
        """Yuan per `unit` per hour of the highest demand of a month."""
        return convert(1, unit, "kWh") * self.prices["electricity.demand"][1]

    def shown(self) -> dict[str, dict[str, str]]:
        """Every price with its unit, for people."""
        return {
            name: {"yuan": decimal_text(decimal_of(price)), "per": unit}
            for name, (unit, price) in self.prices.items()
        }


def parse(text: str) -> Tariffs:
    """ "electricity.peak=1.2,diesel=7900": these prices, the defaults for the rest.

    TariffError names the part that is wrong.
    """
    prices = dict(Tariffs().prices)
    for part in filter(None, map(str.strip, text.split(","))):
        name, _, amount = part.partition("=")
        if name not in DEFAULTS:
            raise TariffError(f"{name!r} must be one of: {', '.join(DEFAULTS)}")
        prices[name] = (DEFAULTS[name][0], _yuan(name, amount))
    return Tariffs(prices)


def _yuan(name: str, text: str) -> Fraction:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("nan")
    if not value.is_finite() or value < 0:
        raise TariffError(
            f"{name}: expected yuan per {DEFAULTS[name][0]}, zero or more, got {text!r}"
        )
    return Fraction(value)


def _named(carrier: str, hour: int | None) -> str:
    if carrier not in CARRIERS or carrier != ELECTRICITY:
        return carrier
    if hour in VALLEY_HOURS:
        return "electricity.valley"
    return "electricity.peak" if hour in PEAK_HOURS else "electricity.day"
