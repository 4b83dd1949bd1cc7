"""What enterprises emitted, once everything is known (METHODOLOGY 1 and 2, DESIGN 4 and 6).

Of equal intervals, and of readings of a counter at one time, actual beats substituted beats
estimated, then the later event time wins, then the greater event key. What replaces an event
takes its place: it competes with the claim of the replaced one where that is the stronger.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from itertools import pairwise
from typing import Any

from tests.faults.oracle import figures
from tests.faults.oracle.figures import MG_PER_T
from tests.faults.oracle.told import (
    Identity,
    Told,
    event_key,
    months_of_days,
    months_of_time,
    running,
)

Claim = tuple[int, datetime, bytes, int]
_RANKS = {"estimated": 0, "substituted": 1, "actual": 2}
_SIGNS = {"exported_electricity": -1}


@dataclass(slots=True)
class Month:
    """mg by category; `readings` and `reports` count what stands, `used` those of what was used;
    mg of energy by quality."""

    energy: int = 0
    process: int = 0
    avoided: int = 0
    pv_memo: int = 0
    output: Fraction = Fraction(0)
    value_added: Fraction = Fraction(0)
    readings: int = 0
    used: int = 0
    reports: int = 0
    quality: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_RANKS, 0))

    @property
    def total(self) -> int:
        return self.energy + self.process - self.avoided


@dataclass(slots=True)
class Ledger:
    """By (enterprise, month), and what each event adds to energy + process - avoided."""

    months: dict[tuple[str, date], Month] = field(default_factory=lambda: defaultdict(Month))
    amounts: dict[Identity, int] = field(default_factory=dict)

    def add(
        self,
        event: Told,
        month: date,
        category: str,
        amount: int,
        quality: str = "actual",
        sign: int = 1,
    ) -> None:
        """A line of an event; what is sold (`sign` -1) says nothing of what was used."""
        found = self.months[event.subject, month]
        setattr(found, category, getattr(found, category) + amount)
        if category == "energy":
            found.readings += 1
            if sign > 0:
                found.used += 1
                found.quality[quality] += abs(amount)
        weight = {"energy": 1, "process": 1, "avoided": -1}.get(category, 0)
        self.amounts[event.identity] += weight * amount


@dataclass(frozen=True, slots=True)
class Registry:
    """Bodies of the registrations, by id."""

    enterprises: Mapping[str, dict[str, Any]]
    meters: Mapping[str, dict[str, Any]]


def ledger(posted: Mapping[Identity, Told], registry: Registry) -> Ledger:
    """Fold over everything that was posted."""
    found = Ledger(amounts=dict.fromkeys(posted, 0))
    replaced = {event.target for event in posted.values()}
    slots: dict[tuple[str, str, str], list[Told]] = defaultdict(list)
    for event in posted.values():
        if _short(event) == "meter.reading":
            start = event.data.get("start")
            slots[event.data["meter_id"], _utc(start), _utc(event.data["end"])].append(event)
        elif event.identity not in replaced:
            _report(found, event)
    counters: dict[str, list[Told]] = defaultdict(list)
    for (meter, start, _), rivals in slots.items():
        winner = max(rivals, key=lambda event: _claim(event, posted))
        if start:
            _interval(found, winner, registry)
        else:
            counters[meter].append(winner)
    for readings in counters.values():
        _counter(found, readings, registry)
    return found


def refusal(event: Told, posted: Mapping[Identity, Told], registry: Registry) -> str | None:
    """Why a reading or a production report is a dead letter."""
    if event.target is not None:
        taken = {one.target for one in posted.values()}
        return "already_replaced" if event.target in taken else None
    if _short(event) == "meter.reading":
        meter = registry.meters[event.data["meter_id"]]
        if meter["enterprise_id"] != event.subject:
            return "foreign_meter"
        if figures.converted(event.figure("value"), event.data["unit"], meter["unit"]) is None:
            return "wrong_unit"
    elif event.data["product"] != registry.enterprises[event.subject]["product"]:
        return "wrong_product"
    overlaps = (other for other in posted.values() if _same_slot(event, other))
    return "overlapping_interval" if any(_overlap(event, other) for other in overlaps) else None


def _short(event: Told) -> str:
    return event.type.removeprefix("cn.tanzhang.").removesuffix(".v1")


def _utc(text: str | None) -> str:
    return "" if text is None else str(datetime.fromisoformat(text).timestamp())


def _claim(event: Told, posted: Mapping[Identity, Told]) -> Claim:
    key = event_key(event.source, event.id)
    own = (_RANKS[event.data["quality"]], event.time, key, 0)
    if event.target is None:
        return own
    inherited = _claim(posted[event.target], posted)
    return own if own[:3] >= inherited[:3] else (*inherited[:3], inherited[3] + 1)


def _interval(found: Ledger, event: Told, registry: Registry) -> None:
    value = _in_meter_unit(event, registry)
    parts = months_of_time(event.instant("start"), event.instant("end"))
    _metered(found, event, value, parts, event.data["quality"], registry)


def _counter(found: Ledger, readings: Iterable[Told], registry: Registry) -> None:
    """Each reading adds the use since the one before it, at the worse of both qualities."""
    ordered = sorted(readings, key=lambda event: event.instant("end"))
    for before, after in pairwise(ordered):
        used = _in_meter_unit(after, registry) - _in_meter_unit(before, registry)
        meter = registry.meters[after.data["meter_id"]]
        if used < 0:
            used += Fraction(meter["register_max"])
        parts = months_of_time(before.instant("end"), after.instant("end"))
        quality = min(before.data["quality"], after.data["quality"], key=lambda q: _RANKS[q])
        _metered(found, after, used, parts, quality, registry)


def _in_meter_unit(event: Told, registry: Registry) -> Fraction:
    meter = registry.meters[event.data["meter_id"]]
    value = figures.converted(event.figure("value"), event.data["unit"], meter["unit"])
    assert value is not None
    return value


def _metered(
    found: Ledger,
    event: Told,
    value: Fraction,
    parts: list[tuple[date, Fraction]],
    quality: str,
    registry: Registry,
) -> None:
    """Each month at the factor of its own year, rounded once for all."""
    meter = registry.meters[event.data["meter_id"]]
    sector = registry.enterprises[event.subject]["sector"]
    carrier, used = meter["carrier"], value * Fraction(meter["multiplier"])
    category = "pv_memo" if carrier == "pv_generation" else "energy"
    sign = _SIGNS.get(carrier, 1)
    tonnes = [
        sign * used * share * _t_per_unit(carrier, meter["unit"], sector, month.year)
        for month, share in parts
    ]
    for (month, _), mg in zip(parts, running([t * MG_PER_T for t in tonnes]), strict=True):
        found.add(event, month, category, mg, quality, sign)


def _t_per_unit(carrier: str, unit: str, sector: str, year: int) -> Fraction:
    """METHODOLOGY 1.1 to 1.3."""
    if carrier == "heat":
        per, factor = "GJ", figures.HEAT_T_PER_GJ
    elif carrier == "natural_gas":
        per, factor = "1e4Nm3", figures.NATURAL_GAS
    elif carrier == "diesel":
        per, factor = "t", figures.DIESEL["A" if sector[:2] in figures.SET_A else "B"]
    else:
        per, factor = "MWh", figures.grid(year)
    one = figures.converted(Fraction(1), unit, per)
    assert one is not None
    return one * factor


def _report(found: Ledger, event: Told) -> None:
    """Output, value added, process activities: by days."""
    parts = months_of_days(event.day("start"), event.day("end"))
    if _short(event) == "process.activity":
        _activity(found, event, parts)
        return
    is_output = _short(event) == "production.report"
    value = event.figure("quantity" if is_output else "value_added")
    for month, share in parts:
        target = found.months[event.subject, month]
        if is_output:
            target.output += value * share
            target.reports += 1
        else:
            target.value_added += value * share


def _activity(found: Ledger, event: Told, parts: list[tuple[date, Fraction]]) -> None:
    category, factor = figures.ACTIVITIES[event.data["activity"]]
    tonnes = figures.converted(event.figure("quantity"), event.data["unit"], "t")
    assert tonnes is not None
    emitted = tonnes * factor * Fraction(event.data.get("purity", 1))
    amounts = running([emitted * share * MG_PER_T for _, share in parts])
    for (month, _), mg in zip(parts, amounts, strict=True):
        found.add(event, month, category, mg)


def _same_slot(event: Told, other: Told) -> bool:
    names = ("meter_id", "product", "kind")
    same = all(event.data.get(name) == other.data.get(name) for name in names)
    return (event.subject, event.type) == (other.subject, other.type) and same


def _overlap(event: Told, other: Told) -> bool:
    if _short(event) == "meter.reading":
        begin, end = (event.instant("start"), event.instant("end"))
        first, last = (other.instant("start"), other.instant("end"))
        return (begin, end) != (first, last) and begin < last and first < end
    return event.day("start") < other.day("end") and other.day("start") < event.day("end")
