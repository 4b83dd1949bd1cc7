"""All rules over one period; what they find, ranked; and what was saved since."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from services.industrial.domain.findings import night, peak, specific, step, twin, weekend
from services.industrial.domain.findings.finding import Finding, Given, Rule, Scope
from shared.events.ids import derived_id

RULES: Mapping[str, Rule] = {
    module.RULE.kind: module.RULE for module in (night, weekend, peak, step, twin, specific)
}


@dataclass(frozen=True, slots=True)
class Baseline:
    """The figures of a finding as they were when it was acted on; see Finding."""

    level: Fraction
    mg_per_unit: Fraction
    yuan_per_unit: Fraction | None = None
    output: Fraction | None = None

    def at(self, output: Fraction | None) -> Fraction:
        """The level at another output per day: what a change of it explains is no saving."""
        if output is None or not self.output:
            return self.level
        return self.level * output / self.output


@dataclass(frozen=True, slots=True)
class Saving:
    """(baseline level - level since) x weight: negative when more was used. In the finding's unit."""

    level: Fraction
    weight: Fraction
    quantity: Fraction
    amount_mg: int
    yuan: Fraction | None


def find(given: Given) -> list[Finding]:
    """What every rule finds, the most tonnes first, then the most yuan."""
    found = [finding for rule in RULES.values() for finding in rule.find(given)]
    return sorted(found, key=_place)


def identity(enterprise_id: str, kind: str, scope: Scope) -> str:
    """The id of an opportunity: the same in every year."""
    parts = (scope.asset_id or "", scope.meter_id or "", scope.carrier or "", scope.unit)
    return derived_id("opportunity", enterprise_id, kind, *parts)


def saved(given: Given, kind: str, scope: Scope, before: Baseline) -> Saving | None:
    """What was saved in a period; None without anything to compare."""
    now = RULES[kind].level(given, scope)
    if now is None:
        return None
    quantity = (before.at(now.output) - now.value) * now.weight
    yuan = None if before.yuan_per_unit is None else quantity * before.yuan_per_unit
    return Saving(now.value, now.weight, quantity, round(quantity * before.mg_per_unit), yuan)


def _place(finding: Finding) -> tuple[int, Fraction, str, str, str, str]:
    scope = finding.scope
    return (
        -finding.avoidable_mg,
        -(finding.yuan or Fraction(0)),
        finding.kind,
        scope.asset_id or "",
        scope.meter_id or "",
        scope.carrier or "",
    )
