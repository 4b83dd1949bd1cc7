"""Sector benchmarks, the cut points around them, and which benchmark holds for an account."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from shared.units.quantity import output_unit

VALUE_ADDED_UNIT = "1e4CNY"
# The order of preference: what an authority has set goes before what the city computes.
KINDS = ("norm", "published", "city_mean", "city_median")
SUPPOSED = "supposed"


@dataclass(slots=True, frozen=True)
class Cuts:
    """Upper bounds (inclusive) of the three better colours; above the last one is red."""

    deep_green: Decimal
    light_green: Decimal
    yellow: Decimal

    def colour(self, ratio: Fraction) -> str:
        """The colour of an unrounded ratio to the benchmark."""
        if ratio <= Fraction(self.deep_green):
            return "deep_green"
        if ratio <= Fraction(self.light_green):
            return "light_green"
        return "yellow" if ratio <= Fraction(self.yellow) else "red"

    def words(self) -> dict[str, Decimal]:
        """The bounds by colour."""
        return {
            "deep_green": self.deep_green,
            "light_green": self.light_green,
            "yellow": self.yellow,
        }


@dataclass(slots=True, frozen=True)
class Basis:
    """What a computed benchmark rests on: how many enterprises, their t CO2e and their output."""

    enterprises: int
    total_t: Decimal
    output: Decimal


@dataclass(slots=True, frozen=True)
class Benchmark:
    """The emissions per unit of output that a sector's product is held against.

    `value` in t CO2e per `unit` of output; `version` rises with each correction of a year.
    Without `cuts` of its own those of the rule of the account's year hold. `basis` is what a
    computed one rests on.
    """

    sector: str
    product: str
    year: int
    version: str
    unit: str
    value: Decimal
    cuts: Cuts | None
    kind: str
    source: str
    illustrative: bool = False
    basis: Basis | None = None

    @property
    def id(self) -> str:
        """What a label records: sector, product, year and version."""
        return f"{self.sector}/{self.product}/{self.year}#{self.version}"

    @property
    def output_unit(self) -> str:
        """The unit of output that it is per."""
        return output_unit(self.unit)


def preferred(benchmarks: Iterable[Benchmark], year: int) -> Benchmark | None:
    """The best kind of benchmark up to `year`, and of that kind the latest year's."""
    begun = [benchmark for benchmark in benchmarks if benchmark.year <= year]
    return min(begun, key=lambda held: (KINDS.index(held.kind), -held.year), default=None)


@dataclass(slots=True, frozen=True)
class Shelf:
    """The benchmarks at hand: what operators posted or computed, and the seeded ones below that."""

    posted: tuple[Benchmark, ...] = ()
    seeded: tuple[Benchmark, ...] = ()

    def find(
        self, sector: str, product: str, year: int, kind: str | None = None
    ) -> Benchmark | None:
        """The benchmark of a sector's product for an account year (of a kind), or None.

        Any posted one goes before the seeded ones.
        """
        for shelf in (self.posted, self.seeded):
            mine = [
                b
                for b in shelf
                if (b.sector, b.product) == (sector, product) and kind in (None, b.kind)
            ]
            found = preferred(mine, year)
            if found is not None:
                return found
        return None
