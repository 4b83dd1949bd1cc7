"""Simulated enterprises: what they are, the meters they have, a year of what they report."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

from shared.events.words import MeterKind, Quality
from tanzhang.cloudevents import CloudEvent, cloud_event
from tanzhang.simulation.calendar import instant, month_starts
from tanzhang.simulation.catalogue import (
    CARRIERS,
    DISTRICTS,
    ENTERPRISE_PORTAL,
    SECTORS,
    Carrier,
    Sector,
)
from tanzhang.simulation.credit_codes import credit_code, random_organisation
from tanzhang.simulation.registration import Registration

_CENT = Decimal("0.01")
_PV_SHARE = 0.15
_REGISTER_SHARE = 0.5
_INCOMPLETE_SHARE = 0.02
# Share of enterprises, lowest and highest ratio to the benchmark: all four colours.
_RATIOS = ((25, 0.55, 0.79), (35, 0.81, 0.99), (25, 1.01, 1.19), (15, 1.22, 1.80))
_SEASON = (0.9, 0.7, 0.95, 1.0, 1.0, 1.05, 1.15, 1.15, 1.05, 1.0, 1.0, 1.05)


@dataclass(frozen=True, slots=True)
class Meter:
    """`amounts` are the twelve months' use in the carrier's unit, multiples of `multiplier`."""

    id: str
    carrier: Carrier
    kind: MeterKind
    multiplier: int
    asset: str | None
    first: Decimal
    amounts: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class Enterprise:
    """One enterprise and its year; `months` of it are reported, quality by month."""

    id: str
    name: str
    sector: Sector
    district: str
    lines: tuple[str, ...]
    meters: tuple[Meter, ...]
    output: tuple[Decimal, ...]
    months: int
    quality: tuple[Quality, ...]


def enterprise(seed: int, index: int) -> Enterprise:
    """The `index`-th enterprise of a seed, always the same."""
    chance = Random(f"{seed}:enterprise:{index}")
    sector = chance.choices(SECTORS, [s.weight for s in SECTORS])[0]
    district = chance.choice(list(DISTRICTS))
    division, district_zh = DISTRICTS[district]
    id = credit_code("1", division, random_organisation(chance))
    whole = Decimal(round(_log_uniform(chance, *sector.output)))
    lines = ("line-1", "line-2") if chance.random() < 0.4 else ()
    return Enterprise(
        id=id,
        name=f"衢州{district_zh}示例{sector.noun}{index:04d}有限公司",
        sector=sector,
        district=district,
        lines=lines,
        meters=tuple(_meters(chance, id, sector, whole, lines)),
        output=_months(chance, whole),
        months=8 if chance.random() < _INCOMPLETE_SHARE else 12,
        quality=_quality(chance),
    )


def registrations(one: Enterprise) -> Iterator[Registration]:
    """The enterprise, its site and lines, its meters."""
    path = f"/v1/enterprises/{one.id}"
    yield Registration(
        "industrial",
        path,
        {
            "name": one.name,
            "sector": one.sector.code,
            "district": one.district,
            "grid_region": "zhejiang",
            "product": one.sector.product,
            "product_unit": one.sector.unit,
        },
    )
    if one.lines:
        site = {"kind": "site", "name": "厂区 Site"}
        yield Registration("industrial", f"{path}/assets/site", site, stage=1)
    for line, name in zip(one.lines, one.sector.names, strict=False):
        body = {"kind": "line", "name": name, "parent": "site"}
        yield Registration("industrial", f"{path}/assets/{line}", body, stage=2)
    for meter in one.meters:
        yield Registration("industrial", f"/v1/meters/{meter.id}", _meter_body(one, meter), stage=3)


def events(one: Enterprise, year: int) -> Iterator[CloudEvent]:
    """A year of readings, production, process and economic reports."""
    for meter in one.meters:
        yield from _readings(one, meter, year)
    yield from _reports(one, year)
    yield from _economics(one, year)


def _meter_body(one: Enterprise, meter: Meter) -> dict[str, Any]:
    body: dict[str, Any] = {
        "enterprise_id": one.id,
        "carrier": meter.carrier.name,
        "unit": meter.carrier.unit,
        "kind": meter.kind,
        "multiplier": str(meter.multiplier),
    }
    if meter.asset is not None:
        body["asset_id"] = meter.asset
    return body


def _log_uniform(chance: Random, least: float, most: float) -> float:
    return float(least * (most / least) ** chance.random())


def _months(chance: Random, whole: Decimal, step: Decimal = _CENT) -> tuple[Decimal, ...]:
    """Twelve seasonal parts of about `whole`, multiples of `step`."""
    weights = [season * chance.uniform(0.9, 1.1) for season in _SEASON]
    scale = float(whole) / sum(weights)
    return tuple((Decimal(weight * scale) / step).quantize(Decimal(1)) * step for weight in weights)


def _quality(chance: Random) -> tuple[Quality, ...]:
    drawn = chance.random()
    if drawn < 0.03:
        return ("estimated",) * 12
    if drawn < 0.1:
        return tuple(chance.choice(("actual", "actual", "estimated")) for _ in range(12))
    return ("actual",) * 12


def _meters(
    chance: Random, id: str, sector: Sector, output: Decimal, lines: tuple[str, ...]
) -> Iterator[Meter]:
    """Meters whose year, at planning factors, comes to a drawn ratio of the benchmark."""
    _, least, most = chance.choices(_RATIOS, [share for share, _, _ in _RATIOS])[0]
    ratio = max(chance.uniform(least, most), sector.best)
    total = float(output * sector.benchmark) * ratio
    purity = float(sector.purity or 1)
    process = float(output * sector.per_output * sector.activity_tonnes) * purity
    energy = max(total - process, 0.1 * total)
    for name, share in sector.energy.items():
        carrier = CARRIERS[name]
        amount = energy * share / sum(sector.energy.values()) / float(carrier.tonnes)
        places = lines if name == "electricity" and lines else (None,)
        for place in places:
            yield _meter(chance, id, carrier, amount / len(places), place)
    if chance.random() < _PV_SHARE:
        power = energy * 0.03 / float(CARRIERS["electricity"].tonnes)
        yield _meter(chance, id, CARRIERS["pv_generation"], power, None)


def _meter(chance: Random, id: str, carrier: Carrier, amount: float, asset: str | None) -> Meter:
    is_register = carrier.unit in ("kWh", "Nm3") and chance.random() < _REGISTER_SHARE
    multiplier = chance.choice((1, 40, 60)) if is_register else 1
    return Meter(
        id="-".join(filter(None, (id, carrier.name, asset))),
        carrier=carrier,
        kind="register" if is_register else "interval",
        multiplier=multiplier,
        asset=asset,
        first=Decimal(chance.randrange(10_000_000)) * _CENT,
        amounts=_months(chance, Decimal(amount), _CENT * multiplier),
    )


def _readings(one: Enterprise, meter: Meter, year: int) -> Iterator[CloudEvent]:
    starts = month_starts(year)
    counter = meter.first
    if meter.kind == "register":
        yield _reading(one, meter, None, starts[0], counter, "actual")
    for month in range(one.months):
        used = meter.amounts[month] / meter.multiplier
        counter += used
        is_interval = meter.kind == "interval"
        start = starts[month] if is_interval else None
        value = used if is_interval else counter
        yield _reading(one, meter, start, starts[month + 1], value, one.quality[month])


def _reading(
    one: Enterprise, meter: Meter, start: date | None, end: date, value: Decimal, quality: Quality
) -> CloudEvent:
    return cloud_event(
        "cn.tanzhang.meter.reading.v1",
        source=meter.carrier.source,
        id=f"{meter.id}-{end:%Y-%m}",
        subject=one.id,
        time=instant(end),
        data={
            "meter_id": meter.id,
            "kind": meter.kind,
            "start": None if start is None else instant(start),
            "end": instant(end),
            "value": value,
            "unit": meter.carrier.unit,
            "quality": quality,
        },
    )


def _reports(one: Enterprise, year: int) -> Iterator[CloudEvent]:
    starts = month_starts(year)
    sector = one.sector
    for month in range(one.months):
        start, end, made = starts[month], starts[month + 1], one.output[month]
        data = {"product": sector.product, "quantity": made, "unit": sector.unit}
        yield _report("cn.tanzhang.production.report.v1", one, "output", start, end, data)
        if sector.activity is not None:
            data = {
                "activity": sector.activity,
                "quantity": made * sector.per_output,
                "unit": "t",
                "purity": sector.purity,
            }
            yield _report("cn.tanzhang.process.activity.v1", one, "process", start, end, data)


def _economics(one: Enterprise, year: int) -> Iterator[CloudEvent]:
    starts = month_starts(year)
    for quarter in range(one.months // 3):
        made = sum(one.output[quarter * 3 : quarter * 3 + 3], Decimal(0))
        data = {
            "value_added": (made * one.sector.value).quantize(_CENT),
            "unit": "1e4CNY",
        }
        start, end = starts[quarter * 3], starts[quarter * 3 + 3]
        yield _report("cn.tanzhang.economic.report.v1", one, "value", start, end, data)


def _report(
    type: str, one: Enterprise, name: str, start: date, end: date, data: dict[str, Any]
) -> CloudEvent:
    return cloud_event(
        type,
        source=ENTERPRISE_PORTAL,
        id=f"{one.id}-{name}-{start:%Y-%m}",
        subject=one.id,
        time=instant(end),
        data={"start": start.isoformat(), "end": end.isoformat(), **data},
    )
