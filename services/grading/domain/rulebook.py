"""The rules in force: cut points, names, policies and sample benchmarks of the methodology."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from services.grading.domain.benchmarks import Benchmark, Cuts
from services.grading.domain.grades import UNGRADED
from shared.methodology import (
    AgriRule,
    CityRule,
    IndustrialRule,
    LabelName,
    Methodology,
    SampleBenchmark,
)
from shared.methodology.label_rows import LABEL_WORDS

LABELS: Mapping[str, tuple[str, ...]] = {
    kind: words for kind, words in LABEL_WORDS.items() if kind != "personal"
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

    def agri(self, type: str, year: int) -> AgriRule:
        """The rule of a type of farm."""
        rule = self.methodology.label_rules("agri", type, _end(year))
        assert isinstance(rule, AgriRule)
        return rule

    def city(self, year: int) -> CityRule:
        """How many enterprises the city's own figures take."""
        return self.methodology.city_rule(_end(year))

    def valid_months(self, kind: str, sector: str, year: int) -> int:
        """How long a label of a sector (of farms: of a type) is good for."""
        rule = self.methodology.label_rules(kind, sector, _end(year))
        assert isinstance(rule, IndustrialRule | AgriRule)
        return rule.valid_months

    def version(self, kind: str, sector: str, year: int) -> str:
        """What a label records of its rule: the edition, and the sector that has its own row."""
        return self.methodology.rule_version(_end(year), kind, sector)

    def editions(self) -> str:
        """All editions of the rules and the samples, one text that changes when one of them does."""
        return " ".join((*self.methodology.rule_editions(), self.samples()))

    def samples(self) -> str:
        """Set and version of the sample benchmarks."""
        header = self.methodology.files["benchmarks"].latest.header
        return f"{header.set}@{header.version}"

    def cuts(self, benchmark: Benchmark, year: int) -> Cuts:
        """The cut points around a benchmark for an account year."""
        return benchmark.cuts or cuts_of(self.industrial(benchmark.sector, year))

    def rank(self, kind: str, label: str) -> int:
        """The place of a label among those of its kind, rising from ungraded to the best."""
        return self.name(kind, label).rank

    def name(self, kind: str, label: str) -> LabelName:
        """A label as people read it, English and Chinese."""
        return self.methodology.label_name(kind, label)

    def policy(self, kind: str, label: str, on: date, bank: str | None = None) -> dict[str, str]:
        """The policy of a label as in force on a day: the default, as it is sent, or a bank's."""
        return self.methodology.policy(kind, label, on, bank).facts()

    def policy_held(
        self, kind: str, label: str, on: date, bank: str | None = None
    ) -> dict[str, str]:
        """The policy while a label can't be relied on: that of ungraded, or its own if worse."""
        ungraded, own = (self.policy(kind, word, on, bank) for word in (UNGRADED, label))
        return max(ungraded, own, key=lambda p: (int(p["rate_bp"]), -Decimal(p["line_multiplier"])))


def rulebook(methodology: Methodology) -> Rulebook:
    """The rules and the sample benchmarks of the methodology."""
    return Rulebook(methodology, tuple(map(_sample, methodology.benchmarks())))


def cuts_of(rule: IndustrialRule) -> Cuts:
    """A rule's cut points: they hold where a benchmark sets none of its own."""
    return Cuts(_decimal(rule.deep_green), _decimal(rule.light_green), _decimal(rule.yellow))


def _sample(row: SampleBenchmark) -> Benchmark:
    return Benchmark(
        row.sector,
        row.product,
        row.valid_from.year,
        "sample",
        row.unit,
        row.benchmark,
        None,
        row.kind,
        row.source,
        row.illustrative,
    )


def _end(year: int) -> date:
    return date(year, 12, 31)


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)
