"""Labels, benchmarks and means as answers show them."""

from datetime import datetime
from fractions import Fraction
from typing import Any, Literal

import asyncpg

from services.grading.domain.benchmarks import Benchmark
from services.grading.domain.city import CityMean
from services.grading.domain.farm_peers import FarmPeers
from services.grading.domain.grades import Grade, Label
from services.grading.domain.rulebook import Rulebook
from shared.units.amount import ratio_text

Kind = Literal["industrial", "agri"]
CONTESTED = {
    "en": "An appeal is open; the label stands until it is decided.",
    "zh": "申诉处理中，裁定前标签继续有效。",
}
SUSPENDED = {
    "en": (
        "Re-opened on appeal: not to be relied on until new data or another benchmark decide it."
    ),
    "zh": "经申诉重新评定：在新数据或新基准值判定之前暂停使用。",
}
STATUSES = {
    "open": ("open, the label stands until it is decided", "处理中，裁定前标签继续有效"),
    "upheld": ("the label is upheld: it stands", "维持原标签"),
    "reopened": (
        "the label is re-opened: graded anew, and suspended until new data or another benchmark",
        "重新评定：已重新评定，在新数据或新基准值之前暂停使用",
    ),
}


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
        "expired": label.expired(now),
        "contested": label.contested,
        "suspended": label.suspended,
        "notice": SUSPENDED if label.suspended else CONTESTED if label.contested else None,
    }


def grade_view(kind: str, grade: Grade, rules: Rulebook) -> dict[str, Any]:
    """What a rule decided, figures with six places."""
    name, benchmark = rules.name(kind, grade.label), grade.benchmark
    against = grade.held_against
    return {
        "label": grade.label,
        "label_en": name.name_en,
        "label_zh": name.name_zh,
        "ratio": _six_places(grade.ratio),
        "intensity": _six_places(grade.intensity),
        "intensity_per": grade.intensity_per,
        "benchmark": benchmark.value if benchmark else None,
        "benchmark_kind": against[0] if against else None,
        "benchmark_version": against[1] if against else None,
        "benchmark_illustrative": benchmark.illustrative if benchmark else None,
        "city_mean": mean_view(grade.city) if grade.city else None,
        "peers": peers_view(grade.peers) if grade.peers else None,
        "dimensions": grade.dimensions,
        "reason": grade.reason,
    }


def benchmark_view(benchmark: Benchmark, rules: Rulebook, year: int) -> dict[str, Any]:
    """A benchmark as it holds for a year: its body, where it is from and its version."""
    basis = benchmark.basis
    return {
        "sector": benchmark.sector,
        "product": benchmark.product,
        "year": benchmark.year,
        "version": benchmark.version,
        "unit": benchmark.unit,
        "benchmark": benchmark.value,
        "cuts": rules.cuts(benchmark, year).words(),
        "kind": benchmark.kind,
        "source": benchmark.source,
        "illustrative": benchmark.illustrative,
        "basis": None
        if basis is None
        else {
            "enterprises": basis.enterprises,
            "total_t": basis.total_t,
            "output": basis.output,
        },
    }


def mean_view(mean: CityMean) -> dict[str, Any]:
    """The city's mean of a year; `t_per_1e4cny` with six places."""
    return {
        "year": mean.year,
        "version": mean.version,
        "accounts": mean.accounts,
        "total_t": mean.total_t,
        "value_added_1e4cny": mean.value_added,
        "t_per_1e4cny": _six_places(mean.mean),
        "taken_at": mean.taken_at,
    }


def peers_view(peers: FarmPeers) -> dict[str, Any]:
    """The cut points of a type of farm in a year, t neutralised per `per` with six places."""
    cuts = {"medium_green": peers.medium, "deep_green": peers.deep}
    return {
        "year": peers.year,
        "type": peers.type,
        "version": peers.version,
        "per": peers.per,
        "farms": peers.farms,
        "cuts": {name: _six_places(Fraction(cut) if cut else None) for name, cut in cuts.items()},
        "taken_at": peers.taken_at,
    }


def appeal_view(row: asyncpg.Record) -> dict[str, Any]:
    """An appeal; `status` in words, and once it is decided by whom, when and why."""
    kind, id = split_subject(row["subject"])
    names = ("year", "label", "reason", "evidence", "status")
    rest = ("created_at", "note", "decided_by", "decided_at", "regraded")
    en, zh = STATUSES[row["status"]]
    return {
        "id": str(row["id"]),
        "kind": kind,
        "account_id": id,
        **{name: row[name] for name in names},
        "status_en": en,
        "status_zh": zh,
        **{name: row[name] for name in rest},
    }


def split_subject(subject: str) -> tuple[str, str]:
    """Kind and id of an account as grading knows it."""
    kind, _, id = subject.partition(":")
    return kind, id


def _six_places(value: Fraction | None) -> str | None:
    return None if value is None else ratio_text(value)
