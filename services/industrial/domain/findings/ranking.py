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


def saved(
    given: Given,
    kind: str,
    scope: Scope,
    level: Fraction,
    mg_per_unit: Fraction,
    yuan_per_unit: Fraction | None,
) -> Saving | None:
    """What was saved in a period against a level of before; None without anything to compare."""
    now = RULES[kind].level(given, scope)
    if now is None:
        return None
    quantity = (level - now.value) * now.weight
    yuan = None if yuan_per_unit is None else quantity * yuan_per_unit
    return Saving(now.value, now.weight, quantity, round(quantity * mg_per_unit), yuan)


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
