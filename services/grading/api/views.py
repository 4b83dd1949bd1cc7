"""Labels, benchmarks and means as answers show them."""

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal, cast

import asyncpg
from fastapi import Path
from msgspec import UNSET, Meta, UnsetType

from services.grading.domain.benchmarks import Benchmark
from services.grading.domain.city import CityMean
from services.grading.domain.farm_peers import FarmPeers
from services.grading.domain.grades import Grade, Label
from services.grading.domain.rulebook import Rulebook
from shared.events.identifiers import FARM_PATTERN
from shared.http.answers import Answer, Ratio, Timestamp, Wording, Year, sample
from shared.units.amount import ratio_text

Kind = Literal["industrial", "agri"]
KindPath = Annotated[
    Kind, Path(description="Of enterprises or of farms", examples=["industrial", "agri"])
]
AccountId = Annotated[
    str,
    Path(
        description="The account: a unified social credit code or farm:<token>",
        examples=["91330800704206161W", "farm:sanyi"],
        json_schema_extra={"pattern": FARM_PATTERN},
    ),
]
CONTESTED = Wording(
    en="An appeal is open; the label stands until it is decided.",
    zh="申诉处理中，裁定前标签继续有效。",
)
SUSPENDED = Wording(
    en="Re-opened on appeal: not to be relied on until new data or another benchmark decide it.",
    zh="经申诉重新评定：在新数据或新基准值判定之前暂停使用。",
)
Status = Literal["open", "upheld", "reopened"]
STATUSES = {
    "open": ("open, the label stands until it is decided", "处理中，裁定前标签继续有效"),
    "upheld": ("the label is upheld: it stands", "维持原标签"),
    "reopened": (
        "the label is re-opened: graded anew, and suspended until new data or another benchmark",
        "重新评定：已重新评定，在新数据或新基准值之前暂停使用",
    ),
}
ShownId = Annotated[str, sample("91330800704206161W")]
LabelWord = Annotated[str, sample("light_green")]
LabelEn = Annotated[str, sample("light green")]
LabelZh = Annotated[str, sample("浅绿")]
BenchmarkId = Annotated[str, sample("1495/xylitol/2020#1", "Of a benchmark or of peers")]
BenchmarkKind = Literal["norm", "published", "city_mean", "city_median", "farm_peers", "supposed"]
Dimensions = Annotated[
    dict[str, str],
    Meta(examples=[{"sector": "light_green", "regional": "unknown", "history": "unknown"}]),
]
REASON = {
    "en": "13875.24 t CO2e in 2020 is 0.101190 t per t, 0.919914 times the benchmark of 0.11 "
    "(published value, 2020): light green.",
    "zh": "2020年排放13875.24吨二氧化碳当量，强度为每吨0.101190吨，是基准值0.11（2020年公布值）的"
    "0.919914倍：浅绿。",
}
ReasonText = Annotated[
    dict[str, str],
    Meta(description="The sentence with its figures, English and Chinese", examples=[REASON]),
]


class PolicyFacts(Answer, frozen=True, kw_only=True):
    """What banks grant for a label; `transition_` of a loan for cuts in intensity."""

    id: Annotated[
        str, sample("industrial.light_green", "Of what a bank grants otherwise, after its name")
    ]
    rate_bp: Annotated[str, sample("-25", "Basis points on the bank's own base rate")]
    line_multiplier: Annotated[str, sample("1.10")]
    terms_en: Annotated[str, sample("standard")]
    terms_zh: Annotated[str, sample("标准期限")]
    channel_en: Annotated[str, sample("fast lane")]
    channel_zh: Annotated[str, sample("绿色通道")]
    hook_en: Annotated[str, sample("subsidy for audits")]
    hook_zh: Annotated[str, sample("能源审计补贴")]
    transition_step_bp: Annotated[str, sample("-10")] | UnsetType = UNSET
    transition_step_cut: Annotated[str, sample("0.05")] | UnsetType = UNSET
    transition_max_bp: Annotated[str, sample("-30")] | UnsetType = UNSET
    transition_missed_bp: Annotated[str, sample("20")] | UnsetType = UNSET


class MeanShown(Answer, frozen=True, kw_only=True):
    """The city's mean of a year; `t_per_1e4cny` with six places."""

    year: Year
    version: int
    accounts: int
    total_t: Decimal
    value_added_1e4cny: Decimal
    t_per_1e4cny: Ratio | None
    taken_at: Timestamp


class PeerCuts(Answer, frozen=True, kw_only=True):
    """From where on a farm is medium green and deep green."""

    medium_green: Ratio | None
    deep_green: Ratio | None


class PeersShown(Answer, frozen=True, kw_only=True):
    """The cut points of a type of farm in a year, t neutralised per `per` with six places."""

    year: Year
    type: Annotated[str, sample("breeding")]
    version: int
    per: Annotated[str, sample("100_heads")]
    farms: int
    cuts: PeerCuts
    taken_at: Timestamp


class GradeShown(Answer, frozen=True, kw_only=True):
    """What a rule decides and by which figures; these are null where it needs none."""

    label: LabelWord
    label_en: LabelEn
    label_zh: LabelZh
    ratio: Ratio | None
    intensity: Ratio | None
    intensity_per: Annotated[str, sample("t")] | None
    benchmark: Decimal | None
    benchmark_kind: BenchmarkKind | None
    benchmark_version: BenchmarkId | None
    benchmark_illustrative: bool | None
    city_mean: MeanShown | None
    peers: PeersShown | None
    dimensions: Dimensions
    reason: ReasonText


class LabelShown(GradeShown, frozen=True, kw_only=True):
    """A label with the figures behind it; `expired` by the clock."""

    kind: Kind
    id: ShownId
    year: Year
    rule_version: Annotated[str, sample("labels@1")]
    decided_at: Timestamp
    valid_until: Timestamp | None
    expired: bool
    contested: bool
    suspended: bool
    notice: Wording | None


class CutsShown(Answer, frozen=True, kw_only=True):
    """Inclusive upper bounds of the ratio to the benchmark."""

    deep_green: Decimal
    light_green: Decimal
    yellow: Decimal


class BasisShown(Answer, frozen=True, kw_only=True):
    """What a computed benchmark rests on."""

    enterprises: int
    total_t: Decimal
    output: Decimal


class BenchmarkShown(Answer, frozen=True, kw_only=True):
    """A benchmark as it holds for a year: its body, where it is from and its version."""

    sector: Annotated[str, sample("1495")]
    product: Annotated[str, sample("xylitol")]
    year: Year
    version: Annotated[str, sample("1")]
    unit: Annotated[str, sample("t")]
    benchmark: Decimal
    cuts: CutsShown
    kind: BenchmarkKind
    source: Annotated[str, sample("a notice of the city")]
    illustrative: bool
    basis: BasisShown | None


class Regraded(Answer, frozen=True, kw_only=True):
    """What a label became when it was re-opened."""

    label: LabelWord
    ratio: Ratio | None
    intensity: Ratio | None
    benchmark_version: BenchmarkId | None
    cause: Annotated[str, sample("appeal:6f1c7d0e-3b64-4b7e-9a43-2f1f0c2b7d11")]
    n: int


class AppealShown(Answer, frozen=True, kw_only=True):
    """An appeal; `status` in words, and once it is decided by whom, when and why."""

    id: Annotated[str, sample("6f1c7d0e-3b64-4b7e-9a43-2f1f0c2b7d11")]
    kind: Kind
    account_id: ShownId
    year: Year
    label: LabelWord
    reason: Annotated[str, sample("The output of May is missing")]
    evidence: Annotated[str, sample("https://works.example/output-2020.pdf")] | None
    status: Status
    status_en: Annotated[str, sample("open, the label stands until it is decided")]
    status_zh: Annotated[str, sample("处理中，裁定前标签继续有效")]
    created_at: Timestamp
    note: Annotated[str, sample("The output was counted twice")] | None
    decided_by: Annotated[str, sample("operator")] | None
    decided_at: Timestamp | None
    regraded: Regraded | None


def label_view(kind: Kind, id: str, label: Label, rules: Rulebook, now: datetime) -> LabelShown:
    """A label as it stands at that time."""
    return LabelShown(**label_fields(kind, id, label, rules, now))


def label_fields(
    kind: Kind, id: str, label: Label, rules: Rulebook, now: datetime
) -> dict[str, Any]:
    """The fields of `LabelShown`."""
    return {
        "kind": kind,
        "id": id,
        "year": label.year,
        **grade_fields(kind, label.grade, rules),
        "rule_version": label.rule_version,
        "decided_at": label.decided_at,
        "valid_until": label.valid_until,
        "expired": label.expired(now),
        "contested": label.contested,
        "suspended": label.suspended,
        "notice": SUSPENDED if label.suspended else CONTESTED if label.contested else None,
    }


def grade_fields(kind: str, grade: Grade, rules: Rulebook) -> dict[str, Any]:
    """The fields of `GradeShown`, figures with six places."""
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


def benchmark_fields(benchmark: Benchmark, rules: Rulebook, year: int) -> dict[str, Any]:
    """The fields of `BenchmarkShown`: a benchmark as it holds for a year."""
    basis = benchmark.basis
    return {
        "sector": benchmark.sector,
        "product": benchmark.product,
        "year": benchmark.year,
        "version": benchmark.version,
        "unit": benchmark.unit,
        "benchmark": benchmark.value,
        "cuts": CutsShown(**rules.cuts(benchmark, year).words()),
        "kind": benchmark.kind,
        "source": benchmark.source,
        "illustrative": benchmark.illustrative,
        "basis": None
        if basis is None
        else BasisShown(enterprises=basis.enterprises, total_t=basis.total_t, output=basis.output),
    }


def mean_view(mean: CityMean) -> MeanShown:
    """A mean as it was taken."""
    return MeanShown(**mean_fields(mean))


def mean_fields(mean: CityMean) -> dict[str, Any]:
    """The fields of `MeanShown`."""
    return {
        "year": mean.year,
        "version": mean.version,
        "accounts": mean.accounts,
        "total_t": mean.total_t,
        "value_added_1e4cny": mean.value_added,
        "t_per_1e4cny": _six_places(mean.mean),
        "taken_at": mean.taken_at,
    }


def peers_view(peers: FarmPeers) -> PeersShown:
    """Peers as they were taken."""
    medium, deep = (Fraction(cut) if cut else None for cut in (peers.medium, peers.deep))
    return PeersShown(
        year=peers.year,
        type=peers.type,
        version=peers.version,
        per=peers.per,
        farms=peers.farms,
        cuts=PeerCuts(medium_green=_six_places(medium), deep_green=_six_places(deep)),
        taken_at=peers.taken_at,
    )


def appeal_view(row: asyncpg.Record) -> AppealShown:
    """An appeal as it stands."""
    return AppealShown(**appeal_fields(row))


def appeal_fields(row: asyncpg.Record) -> dict[str, Any]:
    """The fields of `AppealShown`."""
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


def split_subject(subject: str) -> tuple[Kind, str]:
    """Kind and id of an account as grading knows it."""
    kind, _, id = subject.partition(":")
    return cast(Kind, kind), id


def _six_places(value: Fraction | None) -> str | None:
    return None if value is None else ratio_text(value)
