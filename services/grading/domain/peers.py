"""A benchmark from the city's own enterprises: their output-weighted mean, or their median."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from statistics import median

from services.grading.domain.benchmarks import Basis, Benchmark
from services.grading.domain.completeness import months_covered
from services.grading.domain.outputs import output_in
from shared.events.types import IndustrialAccount
from shared.methodology import CityRule
from shared.units.amount import decimal_text, round_half_even

PLACES = 9  # of a benchmark: mg per unit of output
EXACT = Context(prec=100)
# Of sums that decimals cannot hold: enough for the same nine places again.
NEARLY = Context(prec=30)


@dataclass(slots=True, frozen=True)
class Peers:
    """The enterprises with complete data, and how many were left out, by reason.

    `intensities` in t CO2e per unit of output, unrounded, ascending.
    """

    total_t: Fraction
    output: Fraction
    intensities: tuple[Fraction, ...]
    left_out: Mapping[str, int]

    @property
    def enterprises(self) -> int:
        return len(self.intensities)


def gather(accounts: Iterable[IndustrialAccount], unit: str, months_needed: int) -> Peers:
    """The peers among the accounts of one sector, product and year, in one unit of output.

    Left out are those whose output is in another unit (unit), that have none (no_output), or
    that cover fewer months of energy or output than a label needs (incomplete).
    """
    pairs: list[tuple[Fraction, Fraction]] = []
    left_out: Counter[str] = Counter()
    for account in accounts:
        output = output_in(account, unit)
        if output is None:
            left_out["unit"] += 1
        elif output <= 0:
            left_out["no_output"] += 1
        elif min(months_covered(account, unit)) < months_needed:
            left_out["incomplete"] += 1
        else:
            pairs.append((Fraction(account.total_t), output))
    total, output = (sum((pair[n] for pair in pairs), Fraction(0)) for n in (0, 1))
    return Peers(total, output, tuple(sorted(t / o for t, o in pairs)), dict(left_out))


def figure(peers: Peers, rule: CityRule) -> tuple[str, Fraction] | None:
    """The kind of benchmark and its exact value; None with too few enterprises for a median."""
    if peers.enterprises >= rule.mean_enterprises:
        return "city_mean", peers.total_t / peers.output
    if peers.enterprises >= rule.median_enterprises:
        return "city_median", median(peers.intensities)
    return None


def rounded(value: Fraction) -> Decimal:
    """A benchmark's value as it is kept: nine places, half-even."""
    return Decimal(round_half_even(value * 10**PLACES)).scaleb(-PLACES, EXACT)


def basis_of(peers: Peers) -> Basis:
    """The sums behind the figure; an output that decimals cannot hold has thirty digits."""
    return Basis(peers.enterprises, _decimal(peers.total_t), _decimal(peers.output))


def computed(
    named: tuple[str, str, int], unit: str, kind: str, value: Fraction, basis: Basis
) -> Benchmark:
    """The benchmark of a sector, product and year, without a version as yet."""
    sector, product, year = named
    what = "output-weighted mean" if kind == "city_mean" else "median"
    source = (
        f"{what} of {basis.enterprises} enterprises of the city with complete data for {year}: "
        f"{decimal_text(basis.total_t)} t CO2e, output {decimal_text(basis.output)} {unit}"
    )
    return Benchmark(
        sector, product, year, "", unit, rounded(value), None, kind, source, basis=basis
    )


def _decimal(value: Fraction) -> Decimal:
    parts = Decimal(value.numerator), Decimal(value.denominator)
    exact = EXACT.divide(*parts)
    return exact if Fraction(exact) == value else NEARLY.divide(*parts)
