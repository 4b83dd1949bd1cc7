"""The rules in force: cut points, names, policies and sample benchmarks of the methodology."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from services.grading.domain.benchmarks import Benchmark, Cuts
from shared.methodology import AgriRule, IndustrialRule, LabelName, Methodology, SampleBenchmark

LABELS: Mapping[str, tuple[str, ...]] = {
    "industrial": ("deep_green", "light_green", "yellow", "red", "ungraded"),
    "agri": ("deep_green", "medium_green", "light_green", "ungraded"),
}


@dataclass(slots=True, frozen=True)
class Rulebook:
    """What labels are decided by. A rule is that of the end of the account's year."""

    methodology: Methodology
    benchmarks: tuple[Benchmark, ...]

    def industrial(self, sector: str, year: int) -> IndustrialRule:
        """The rule of a sector."""
        rule = self.methodology.label_rules("industrial", sector, _end(year))
        assert isinstance(rule, IndustrialRule)
        return rule

    def agri(self, year: int) -> AgriRule:
        """The rule of farms."""
        rule = self.methodology.label_rules("agri", on=_end(year))
        assert isinstance(rule, AgriRule)
        return rule

    def valid_months(self, kind: str, year: int) -> int:
        """How long a label of this kind is good for."""
        rule = self.methodology.label_rules(kind, on=_end(year))
        assert isinstance(rule, IndustrialRule | AgriRule)
        return rule.valid_months

    def version(self, year: int) -> str:
        """What a label records of its rule."""
        return self.methodology.rule_version(_end(year))

    def name(self, kind: str, label: str) -> LabelName:
        """A label as people read it, English and Chinese."""
        return self.methodology.label_name(kind, label)

    def policy(self, kind: str, label: str) -> dict[str, str]:
        """The policy of a label as it is sent."""
        return self.methodology.policy(kind, label).facts()


def rulebook(methodology: Methodology) -> Rulebook:
    """The rules, with the sample benchmarks under the cut points of their sectors."""
    bare = Rulebook(methodology, ())
    samples = methodology.benchmarks()
    return Rulebook(methodology, tuple(_sample(row, bare) for row in samples))


def cuts_of(rule: IndustrialRule) -> Cuts:
    """A rule's cut points: they hold where a benchmark sets none of its own."""
    return Cuts(_decimal(rule.deep_green), _decimal(rule.light_green), _decimal(rule.yellow))


def _sample(row: SampleBenchmark, rules: Rulebook) -> Benchmark:
    year = row.valid_from.year
    return Benchmark(
        row.sector,
        row.product,
        year,
        "sample",
        row.unit,
        row.benchmark,
        cuts_of(rules.industrial(row.sector, year)),
        row.kind,
        row.source,
        row.illustrative,
    )


def _end(year: int) -> date:
    return date(year, 12, 31)


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)
