"""Readings, reports and activities of enterprises: intervals that compete, counters, corrections.

Intervals of a meter lie on a fixed grid and counters rise with time, so that nothing here
contradicts anything else in whatever order it arrives; what does is made by `refused`.
"""

from collections import deque
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from tests.faults.supply.documents import (
    FIRST_DAY,
    LAST_DAY,
    OFFSET,
    YEAR,
    Document,
    Registration,
    day_text,
    decimal,
    document,
    elsewhere,
    midnight,
    month_starts,
)
from tests.faults.supply.plants import COUNTER_MAX, Meter, Plant, benchmarks, plant, registrations

READING = "cn.tanzhang.meter.reading.v1"
PRODUCTION = "cn.tanzhang.production.report.v1"
ECONOMY = "cn.tanzhang.economic.report.v1"
ACTIVITY = "cn.tanzhang.process.activity.v1"
FIGURES = ("value", "quantity", "value_added")

_SOURCES = {READING: "quzhou-power"}
_PORTAL = "enterprise-portal"
_ACTIVITIES = (
    ("carbonate.CaCO3", "t"),
    ("carbonate.CaMg(CO3)2", "t"),
    ("nitric_acid.medium_pressure", "kg"),
    ("direct.co2", "t"),
    ("direct.avoided_co2", "t"),
    ("direct.energy_co2", "t"),
)
_REPLACED_SHARE, _REPLACEMENT_FIRST_SHARE, _HOT_SHARE = 0.12, 0.3, 0.6
_HOURS = (LAST_DAY - FIRST_DAY).days * 24


class Enterprises:
    """`next` gives what to send now, followed by what is to be held back for a while."""

    def __init__(self, seed: int, enterprises: int) -> None:
        self._chance = Random(f"{seed}:enterprises")
        self._plants = [plant(seed, number) for number in range(enterprises)]
        self._made = 0
        self._open: deque[Document] = deque(maxlen=300)
        self._replaced: deque[tuple[Document, Document]] = deque(maxlen=100)
        self._corrected_at_once: set[str] = set()
        self._base = [found for one in self._plants for found in self._year(one)]
        self._chance.shuffle(self._base)
        self._standing: deque[Document] = deque(maxlen=200)

    def registrations(self) -> list[Registration]:
        """Benchmarks, enterprises and their meters."""
        found = [found for one in self._plants for found in registrations(one)]
        return [*benchmarks(), *found] if found else []

    def next(self) -> list[Document]:
        if self._base:
            found = self._base.pop()
            if found["id"] not in self._corrected_at_once:
                self._open.append(found)
            self._standing.append(found)
            return [found]
        if self._chance.random() < _REPLACED_SHARE:
            return self._replacement()
        return [self._further()]

    def refused(self) -> Document | None:
        """An event that contradicts the registry or what was sent before."""
        chance = self._chance
        one, other = chance.choice(self._plants), chance.choice(self._plants)
        if self._replaced and chance.random() < 0.3:
            target, successor = chance.choice(self._replaced)
            return self._again(successor, {"replaces": target["id"]})
        bases = [f for f in self._standing if f["type"] in (READING, PRODUCTION)]
        bases = [f for f in bases if "start" in f["data"]]
        if bases and chance.random() < 0.4:
            return self._overlapping(chance.choice(bases))
        if one is not other and chance.random() < 0.5:
            return self._interval(one, other.gas, self._span(6))
        reading = self._interval(one, one.power, self._span(6))
        if chance.random() < 0.5:
            return self._again(reading, {"unit": "t"})
        return self._production(one, YEAR, 0, 1, product="another_product")

    def _further(self) -> Document:
        """One of what never ends."""
        chance = self._chance
        one = chance.choice(self._plants)
        draw = chance.random()
        if draw < 0.3:
            found = self._interval(one, one.gas, self._span(6))
        elif draw < 0.45:
            found = self._interval(one, one.diesel, self._span(24))
        elif draw < 0.7:
            found = self._counted(one)
        elif draw < 0.8:
            found = self._interval(one, chance.choice((one.export, one.solar)), self._span(24))
        elif draw < 0.88:
            found = self._power(one, self._quarter_or_month(one))
        else:
            found = self._activity(one)
        self._open.append(found)
        return found

    def _replacement(self) -> list[Document]:
        """Another figure in place of an event, which may come after its replacement."""
        if not self._open or self._chance.random() < _REPLACEMENT_FIRST_SHARE:
            late = self._activity(self._chance.choice(self._plants))
            return [self._corrected(late), late]
        target = self._chance.choice(self._open)
        self._open.remove(target)
        found = self._corrected(target)
        self._replaced.append((target, found))
        self._open.append(found)
        return [found]

    def _corrected(self, target: Document) -> Document:
        """The same time, another figure; a counter stays within the rise of its hour."""
        data, chance = target["data"], self._chance
        name = next(name for name in FIGURES if name in data)
        change: dict[str, Any] = {"replaces": target["id"]}
        if data.get("kind") == "register":
            change[name] = f"{data[name].partition('.')[0]}.{chance.randrange(1, 9)}"
        else:
            # The door takes 12 places; corrections of corrections would have ever more.
            other = Decimal(data[name]) * chance.randrange(90, 110) / 100
            change[name] = f"{round(other, 9):f}"
        if "quality" in data:
            change["quality"] = chance.choice(self._qualities(target["subject"]))
        return self._again(target, change)

    def _overlapping(self, found: Document) -> Document:
        """Of a reading: half of its time and half of what follows; of a report: its first day."""
        start, end = (datetime.fromisoformat(found["data"][name]) for name in ("start", "end"))
        if found["type"] == READING:
            half = (end - start) / 2
            moved = {"start": (start + half).isoformat(), "end": (end + half).isoformat()}
            return self._again(found, moved)
        first = (start if start.tzinfo is None else start.astimezone(OFFSET)).date()
        return self._again(found, {"end": (first + timedelta(days=1)).isoformat()})

    def _again(self, found: Document, change: dict[str, Any]) -> Document:
        data = {name: value for name, value in found["data"].items() if name != "replaces"}
        return self._document(found["type"], found["subject"], data | change)

    def _year(self, one: Plant) -> Iterator[Document]:
        """What makes the colour of an enterprise's year, and a reading across an older new year."""
        step = _step(one)
        for month in range(0, one.months, step):
            yield self._power(one, month)
            yield self._production(one, YEAR, month, step)
        for rival in (self._power(one, 0), self._power(one, 0), self._counted(one, 0)):
            # Of the first interval and of the counter's first reading; each is corrected.
            self._corrected_at_once.add(rival["id"])
            yield rival
            yield self._corrected(rival)
        for month in range(0, one.months, 6):
            yield self._economics(one, month)
        yield self._counted(one, 365 * 24 if one.months == 12 else 200 * 24)
        if one.number % 3 == 0:
            old = (midnight(date(2021, 12, 15)), midnight(date(2022, 1, 15)))
            yield self._interval(one, one.power, old)

    def _power(self, one: Plant, month: int) -> Document:
        starts, step = month_starts(YEAR), _step(one)
        span = (midnight(starts[month]), midnight(starts[month + step]))
        used = Decimal(round(one.month_kwh * step * self._chance.uniform(0.97, 1.03)))
        return self._interval(one, one.power, span, used / Decimal(one.power.multiplier))

    def _quarter_or_month(self, one: Plant) -> int:
        return self._chance.randrange(0, one.months, _step(one))

    def _interval(
        self,
        one: Plant,
        meter: Meter,
        span: tuple[datetime, datetime],
        value: Decimal | None = None,
    ) -> Document:
        """A reading in the meter's unit or in another that converts."""
        chance = self._chance
        unit, size = chance.choice(_UNITS[meter.unit])
        used = Decimal(decimal(chance, 0.01, 3, 4)) if value is None else value
        data = {
            "meter_id": meter.id,
            "kind": "interval",
            "start": elsewhere(span[0], chance).isoformat(),
            "end": elsewhere(span[1], chance).isoformat(),
            "value": format((used / size).quantize(Decimal("1e-8")), "f"),
            "unit": unit,
            "quality": chance.choice(one.qualities),
        }
        return self._document(READING, one.id, data)

    def _span(self, hours: int) -> tuple[datetime, datetime]:
        """A piece of the grid that begins half a piece after midnight: the last crosses months."""
        chance = self._chance
        pieces = _HOURS // hours
        hot = [days * 24 // hours for days in (30, 180, 364, 365)]
        number = chance.choice(hot) if chance.random() < _HOT_SHARE else chance.randrange(pieces)
        start = midnight(FIRST_DAY) + timedelta(hours=hours * number + hours // 2)
        return start, start + timedelta(hours=hours)

    def _counted(self, one: Plant, hour: int | None = None) -> Document:
        """The counter at an hour: ten an hour and a little that differs from reading to reading."""
        chance = self._chance
        if hour is None:
            step = 500 if chance.random() < _HOT_SHARE else 1
            hour = chance.randrange(0, _HOURS if one.months == 12 else 200 * 24, step)
        value = 50_000 + 10 * hour + chance.randrange(9)
        if one.counter.register_max is not None:
            value %= COUNTER_MAX
        at = midnight(FIRST_DAY) + timedelta(hours=hour)
        data = {
            "meter_id": one.counter.id,
            "kind": "register",
            "end": elsewhere(at, chance).isoformat(),
            "value": str(value),
            "unit": one.counter.unit,
            "quality": chance.choice(one.qualities),
        }
        return self._document(READING, one.id, data)

    def _production(
        self, one: Plant, year: int, month: int, months: int, product: str | None = None
    ) -> Document:
        starts = month_starts(year)
        data = {
            "product": product or one.sector[1],
            "start": day_text(starts[month], self._chance),
            "end": day_text(starts[month + months], self._chance),
            "quantity": f"{one.month_output * months * self._chance.uniform(0.98, 1.02):.3f}",
            "unit": one.sector[2],
        }
        return self._document(PRODUCTION, one.id, data)

    def _economics(self, one: Plant, month: int) -> Document:
        starts = month_starts(YEAR)
        data = {
            "start": starts[month].isoformat(),
            "end": starts[min(month + 6, one.months)].isoformat(),
            "value_added": decimal(self._chance, 100, 9000, 2),
            "unit": "1e4CNY",
        }
        return self._document(ECONOMY, one.id, data)

    def _activity(self, one: Plant) -> Document:
        """Over days, now and then across months and the new year."""
        chance = self._chance
        name, unit = chance.choice(_ACTIVITIES[: None if one.is_measured else -1])
        start = FIRST_DAY + timedelta(days=chance.randrange(400))
        data = {
            "activity": name,
            "start": day_text(start, chance),
            "end": day_text(start + timedelta(days=chance.randrange(1, 45)), chance),
            "quantity": decimal(chance, 0.01, 2, 5),
            "unit": unit,
        }
        if name.startswith("carbonate."):
            data["purity"] = decimal(chance, 0.5, 1, 3)
        return self._document(ACTIVITY, one.id, data)

    def _qualities(self, subject: str) -> tuple[str, ...]:
        return next(one.qualities for one in self._plants if one.id == subject)

    def _document(self, type: str, subject: str, data: dict[str, Any]) -> Document:
        self._made += 1
        at = datetime(YEAR + 1, 2, 1, tzinfo=OFFSET)
        at += timedelta(minutes=self._chance.randrange(1000))
        source = _SOURCES.get(type, _PORTAL)
        return document(type, source, f"report-{self._made}", subject, at, data)


# A meter's unit -> units that its readings may come in, with their sizes.
_UNITS: dict[str, tuple[tuple[str, Decimal], ...]] = {
    "kWh": (("kWh", Decimal(1)), ("MWh", Decimal(1000))),
    "MWh": (("MWh", Decimal(1)), ("kWh", Decimal("0.001"))),
    "Nm3": (("Nm3", Decimal(1)), ("1e4Nm3", Decimal(10_000)), ("m3", Decimal(1))),
    "t": (("t", Decimal(1)), ("kg", Decimal("0.001"))),
}


def _step(one: Plant) -> int:
    """Months to a reading or report: by month, by quarter, by four months."""
    return (1, 3, 4)[one.number % 3] if one.months == 12 else 4
