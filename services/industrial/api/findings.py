"""Reduction points and what became of them, as they are shown."""

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Annotated, Any

import msgspec

from services.industrial.domain.findings.finding import Confidence, Finding
from services.industrial.domain.findings.ranking import RULES, Saving, identity
from services.industrial.store.comparisons import Adoption
from shared.http.answers import (
    Answer,
    Day,
    DecimalText,
    Instant,
    Listing,
    Ratio,
    Tonnes,
    Wording,
    Year,
    Yuan,
    one_of,
    sample,
)
from shared.units.amount import ratio_text, tonnes_text

OPPORTUNITY = "7ebc6a9d-e116-55de-b1bf-a15639bd60b4"
Unit = Annotated[str, sample("kWh")]


class Period(Answer, frozen=True, kw_only=True):
    """The days from and to which, both included."""

    from_: Day = msgspec.field(name="from")
    to: Day


class PeriodUntil(Answer, frozen=True, kw_only=True):
    """The days from which on, and before which."""

    from_: Day = msgspec.field(name="from")
    until: Day


class Evidence(Answer, frozen=True, kw_only=True):
    """The figures that a rule found, and the series that they come from."""

    period: Period
    figures: dict[Annotated[str, sample("level")], Annotated[str, sample("12.5")]]
    series: list[dict[Annotated[str, sample("hour")], Annotated[str | int | None, sample(3)]]]


class OpportunityScope(Answer, frozen=True, kw_only=True):
    """What it is about: null for the enterprise as a whole."""

    id: Annotated[str, sample(OPPORTUNITY)]
    finding: Annotated[str, one_of(RULES)]
    asset_id: Annotated[str, sample("line-1")] | None
    meter_id: Annotated[str, sample("m-1")] | None
    carrier: Annotated[str, sample("electricity")] | None


class Opportunity(OpportunityScope, frozen=True, kw_only=True):
    """What could be saved. What does not `add_up` looks at the same use from another side."""

    rank: int
    avoidable: Ratio
    unit: Unit
    avoidable_t: Tonnes
    avoidable_yuan: Yuan | None
    adds_up: bool
    confidence: Confidence
    adopted: bool
    reason: Wording
    formula: Wording
    evidence: Evidence


class BaselineShown(Answer, frozen=True, kw_only=True):
    """What a saving is measured by."""

    level: Ratio
    level_unit: Unit
    avoidable: Ratio
    unit: Unit
    period: Period


class AdoptionShown(OpportunityScope, frozen=True, kw_only=True):
    """That a reduction point was acted on, from which day, and what it was then."""

    from_: Day = msgspec.field(name="from")
    note: Annotated[str, sample("night valve")]
    recorded_by: Annotated[str, sample("works-1")]
    recorded_at: Instant
    baseline: BaselineShown


class SavingShown(Answer, frozen=True, kw_only=True):
    """(baseline level - level) over hours, days, months or output; negative: more was used."""

    period: PeriodUntil
    level: Ratio
    over: Ratio
    saved: Ratio
    saved_t: Tonnes
    saved_yuan: Yuan | None


class AdoptedShown(AdoptionShown, frozen=True, kw_only=True):
    """With what was saved since; null without anything to compare."""

    measured: SavingShown | None


class TariffShown(Answer, frozen=True, kw_only=True):
    yuan: DecimalText
    per: Annotated[str, sample("kWh")]


class Opportunities(Listing[Opportunity], frozen=True, kw_only=True):
    enterprise_id: Annotated[str, sample("91330800704205947U")]
    year: Year
    adopted: list[AdoptedShown]
    tariffs: dict[Annotated[str, sample("electricity.peak")], TariffShown]


def opportunity(rank: int, enterprise_id: str, finding: Finding, adopted: set[str]) -> Opportunity:
    rule, scope = RULES[finding.kind], finding.scope
    id = identity(enterprise_id, finding.kind, scope)
    return Opportunity(
        rank=rank,
        id=id,
        finding=finding.kind,
        asset_id=scope.asset_id,
        meter_id=scope.meter_id,
        carrier=scope.carrier,
        avoidable=ratio_text(finding.avoidable),
        unit=finding.unit,
        avoidable_t=tonnes_text(finding.avoidable_mg),
        avoidable_yuan=yuan_text(finding.yuan),
        adds_up=rule.adds_up,
        confidence=finding.confidence,
        adopted=id in adopted,
        reason=Wording(**finding.reason),
        formula=Wording(**rule.formula),
        evidence=_evidence(finding),
    )


def _evidence(finding: Finding) -> Evidence:
    figures: Mapping[str, str] = {
        "level": ratio_text(finding.level),
        "target": ratio_text(finding.target),
        "level_unit": finding.level_unit,
        "mg_per_unit": ratio_text(finding.mg_per_unit),
    }
    return Evidence(
        period=Period(from_=finding.first.isoformat(), to=finding.last.isoformat()),
        figures={**figures, **finding.figures},
        series=[dict(point) for point in finding.series],
    )


def adoption_shown(adoption: Adoption) -> AdoptionShown:
    return AdoptionShown(**_recorded(adoption))


def _recorded(adoption: Adoption) -> dict[str, Any]:
    baseline = adoption.baseline
    return {
        "id": adoption.opportunity,
        **{name: baseline[name] for name in ("finding", "asset_id", "meter_id", "carrier")},
        "from_": adoption.since.isoformat(),
        "note": adoption.note,
        "recorded_by": adoption.recorded_by,
        "recorded_at": adoption.recorded_at.isoformat(),
        "baseline": _baseline(baseline),
    }


def _baseline(baseline: Mapping[str, Any]) -> BaselineShown:
    return BaselineShown(
        level=ratio_text(Fraction(baseline["level"])),
        level_unit=baseline["level_unit"],
        avoidable=ratio_text(Fraction(baseline["avoidable"])),
        unit=baseline["unit"],
        period=Period(from_=baseline["first"], to=baseline["last"]),
    )


def adopted_shown(adoption: Adoption, until: date, saving: Saving | None) -> AdoptedShown:
    shown = None
    if saving is not None:
        shown = SavingShown(
            period=PeriodUntil(from_=adoption.since.isoformat(), until=until.isoformat()),
            level=ratio_text(saving.level),
            over=ratio_text(saving.weight),
            saved=ratio_text(saving.quantity),
            saved_t=tonnes_text(saving.amount_mg),
            saved_yuan=yuan_text(saving.yuan),
        )
    return AdoptedShown(**_recorded(adoption), measured=shown)


def yuan_text(value: Fraction | None) -> str | None:
    """Yuan to the fen; None when there is no tariff."""
    if value is None:
        return None
    fen = round(value * 100)
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"
