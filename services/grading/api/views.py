"""Labels and benchmarks as answers show them."""

from datetime import datetime
from fractions import Fraction
from typing import Any, Literal

from services.grading.domain.benchmarks import Benchmark
from services.grading.domain.grades import Grade, Label
from services.grading.domain.rulebook import Rulebook
from shared.units.amount import ratio_text

Kind = Literal["industrial", "agri"]


def label_view(kind: str, id: str, label: Label, rules: Rulebook, now: datetime) -> dict[str, Any]:
    """A label with the figures behind it; `expired` by the clock."""
    return {
        "kind": kind,
        "id": id,
        "year": label.year,
        **grade_view(kind, label.grade, rules),
        "rule_version": label.rule_version,
        "decided_at": label.decided_at,
        "valid_until": label.valid_until,
        "expired": label.valid_until is not None and now >= label.valid_until,
    }


def grade_view(kind: str, grade: Grade, rules: Rulebook) -> dict[str, Any]:
    """What a rule decided, figures with six places."""
    name, benchmark = rules.name(kind, grade.label), grade.benchmark
    return {
        "label": grade.label,
        "label_en": name.name_en,
        "label_zh": name.name_zh,
        "ratio": _six_places(grade.ratio),
        "intensity": _six_places(grade.intensity),
        "benchmark": benchmark.value if benchmark else None,
        "benchmark_version": benchmark.id if benchmark else None,
        "benchmark_illustrative": benchmark.illustrative if benchmark else None,
        "dimensions": grade.dimensions,
        "reason": grade.reason,
    }


def benchmark_view(benchmark: Benchmark) -> dict[str, Any]:
    """A benchmark: the fields of its body, where it is from and its version."""
    return {
        "sector": benchmark.sector,
        "product": benchmark.product,
        "year": benchmark.year,
        "version": benchmark.version,
        "unit": benchmark.unit,
        "benchmark": benchmark.value,
        "cuts": benchmark.cuts.words(),
        "kind": benchmark.kind,
        "source": benchmark.source,
        "illustrative": benchmark.illustrative,
    }


def _six_places(value: Fraction | None) -> str | None:
    return None if value is None else ratio_text(value)
