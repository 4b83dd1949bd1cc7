"""Reduction points of one enterprise: found in a period, and what acting on them saved."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from services.industrial.domain.findings.finding import Finding, Given, Scope
from services.industrial.domain.findings.load import Load
from services.industrial.domain.findings.ranking import Baseline, Saving, find, saved
from services.industrial.domain.posted import (
    Posted,
    emitted_per_unit,
    lines_with_costs,
    outputs_of,
    uses_of,
    whole_months,
)
from services.industrial.domain.tariffs import Tariffs
from services.industrial.store import comparisons, loads
from shared.database import Connection
from shared.units.quantity import UNITS, convert


@dataclass(frozen=True, slots=True)
class Enterprise:
    """Whose account is looked at, in which calendar and at which tariffs."""

    id: str
    account: int
    zone: ZoneInfo
    tariffs: Tariffs


async def given(
    connection: Connection,
    one: Enterprise,
    first: date,
    until: date,
    only: Collection[str] | None = None,
) -> Given:
    """Everything that the rules look at in the local days of [first, until); of loads those of
    these meters only."""
    meters = await loads.meters_of_enterprise(connection, one.id)
    if only is not None:
        meters = [versions for versions in meters if versions[-1].id in only]
    found = await loads.loads(connection, one.account, meters, (first, until), one.zone)
    assets = await comparisons.assets(connection, one.id, until)
    rows = await comparisons.compared(connection, one.account, first, until)
    whole = whole_months(rows, first, until)
    tree, kinds = comparisons.parents(assets), comparisons.kinds(assets)
    return Given(
        first,
        until,
        found,
        uses_of(whole, tree),
        lines_with_costs(whole, tree, kinds, one.tariffs),
        outputs_of(whole, tree, {load.asset_id for load in found}),
        _emitted(rows, found),
        one.tariffs,
    )


async def opportunities(
    connection: Connection, one: Enterprise, first: date, until: date
) -> list[Finding]:
    """What could be saved, ranked."""
    return find(await given(connection, one, first, until))


async def savings(
    connection: Connection,
    one: Enterprise,
    adoptions: Sequence[comparisons.Adoption],
    today: date,
) -> list[tuple[comparisons.Adoption, date, Saving | None]]:
    """What each adopted point (oldest first) has saved from its day until `today`, a year of it at
    the most."""
    found = []
    for since, group in groupby(adoptions, key=lambda adoption: adoption.since):
        adopted = list(group)
        until = max(since, min(today, _year_later(since)))
        meters = {adoption.baseline["meter_id"] for adoption in adopted}
        seen = await given(connection, one, since, until, meters)
        found += [(each, until, _saved(seen, each.baseline)) for each in adopted]
    return found


def frozen(finding: Finding) -> dict[str, Any]:
    """The figures of a finding that its saving is measured by, as they are stored."""
    scope = finding.scope
    return {
        "finding": finding.kind,
        "asset_id": scope.asset_id,
        "meter_id": scope.meter_id,
        "carrier": scope.carrier,
        "scope_unit": scope.unit,
        "level": str(finding.level),
        "level_unit": finding.level_unit,
        "output": None if finding.output is None else str(finding.output),
        "unit": finding.unit,
        "avoidable": str(finding.avoidable),
        "mg_per_unit": str(finding.mg_per_unit),
        "yuan_per_unit": None if finding.yuan_per_unit is None else str(finding.yuan_per_unit),
        "first": finding.first.isoformat(),
        "last": finding.last.isoformat(),
    }


def _saved(since: Given, baseline: dict[str, Any]) -> Saving | None:
    scope = Scope(
        baseline["asset_id"], baseline["meter_id"], baseline["carrier"], baseline["scope_unit"]
    )
    names = ("level", "output", "mg_per_unit", "yuan_per_unit")
    then = {name: baseline[name] and Fraction(baseline[name]) for name in names}
    return saved(since, baseline["finding"], scope, Baseline(**then))


def _emitted(rows: Sequence[Posted], found: Sequence[Load]) -> dict[tuple[str, str], Fraction]:
    """What was posted per unit, also in the unit that a meter has by now."""
    emitted = emitted_per_unit(rows)
    for load in found:
        for (carrier, unit), factor in list(emitted.items()):
            alike = UNITS[unit].dimension == UNITS[load.unit].dimension
            if carrier == load.carrier and alike and (carrier, load.unit) not in emitted:
                emitted[carrier, load.unit] = factor * convert(1, load.unit, unit)
    return emitted


def _year_later(day: date) -> date:
    leap_day = (day.month, day.day) == (2, 29)
    return date(day.year + 1, day.month, 28 if leap_day else day.day)
