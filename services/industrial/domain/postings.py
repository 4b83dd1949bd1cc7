"""From a fact to its lines: quantity by month, rate by month, whole milligrams."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.industrial.domain.entries import (
    EXACT,
    OUTPUT,
    VALUE_ADDED,
    decimal_of,
    rounded_quantities,
    split_quantity,
)
from services.industrial.domain.facts import Fact, Refused
from services.industrial.domain.fuels import NOTHING_MEASURED, Fuels, in_force
from services.industrial.domain.rates import Rate, activity_rate, free, meter_rate
from services.industrial.domain.registry import Enterprise, Meter, on_date
from services.industrial.domain.stretches import Stretch
from shared.units.amount import rounded_product, split_amounts
from shared.units.calendar import midnight, month_of, next_month, split_dates, split_instants
from shared.units.quantity import UnitError, convert

AMOUNT_MG_MAX = 10**18

METER_RULE = "industrial.meter.v1"
ACTIVITY_RULE = "industrial.activity.v1"
REPORT_RULE = "industrial.report.v1"


class Piece(NamedTuple):
    """One month of a posting."""

    month: date
    rate: Rate
    quantity: Decimal
    amount_mg: int


class Posting(NamedTuple):
    """What a fact posts."""

    fact: Fact
    pieces: list[Piece]
    activity: str
    unit: str
    quality: str
    rule: str
    meter_id: str | None = None
    asset_id: str | None = None
    # The asset of each piece, where a meter went from one to another.
    assets: Sequence[str | None] = ()


def metered(
    fact: Fact,
    quantity: Decimal | Fraction,
    quality: str,
    span: tuple[datetime, datetime],
    meter: Meter,
    enterprise: Sequence[Enterprise],
    zone: ZoneInfo,
    fuels: Fuels = NOTHING_MEASURED,
) -> Posting:
    """Post `quantity` (in the meter's unit, multiplied) over the elapsed time of `span`."""
    start, end = span
    month = month_of(start, zone)
    if end <= _month_end(month, zone):
        rate = _meter_rate(meter, enterprise, month, fuels)
        pieces = [_whole(month, rate, quantity)]
    else:
        parts = [(part.month, part.share) for part in split_instants(start, end, zone)]
        rates = [_meter_rate(meter, enterprise, month, fuels) for month, _ in parts]
        pieces = _split(quantity, parts, rates)
    return Posting(
        fact, pieces, meter.carrier, meter.unit, quality, METER_RULE, meter.id, meter.asset_id
    )


def metered_over(
    fact: Fact,
    use: Decimal | Fraction,
    quality: str,
    spans: Sequence[Stretch],
    enterprise: Sequence[Enterprise],
    zone: ZoneInfo,
    fuels: Fuels = NOTHING_MEASURED,
) -> Posting:
    """Post `use` (in the meter's unit, not multiplied) over stretches under several versions of
    its meter: each has its share of the elapsed time, its multiplier and its asset."""
    hours = sum((span.hours() for span in spans), Fraction(0))
    parts = [
        (part.month, Fraction(use) * part.share * span.hours() / hours, span.meter)
        for span in spans
        for part in split_instants(span.start, span.end, zone)
    ]
    exact = [quantity * Fraction(meter.multiplier) for _, quantity, meter in parts]
    rates = [_meter_rate(meter, enterprise, month, fuels) for month, _, meter in parts]
    amounts = split_amounts([q * r.per_unit * r.sign for q, r in zip(exact, rates, strict=True)])
    pieces = [
        Piece(month, rate, _signed(quantity, rate), _bounded(amount))
        for (month, _, _), rate, quantity, amount in zip(
            parts, rates, rounded_quantities(exact), amounts, strict=True
        )
    ]
    meter = spans[0].meter
    assets = [one.asset_id for _, _, one in parts]
    return Posting(
        fact, pieces, meter.carrier, meter.unit, quality, METER_RULE, meter.id, None, assets
    )


def activity(fact: Fact) -> Posting:
    """Post a process activity over its days, each month at its own rate."""
    name = fact.slot.partition(":")[2]
    given, content = fact.data.get("purity"), fact.data.get("content")
    purity = Decimal(given) if isinstance(given, str) else None
    shares = tuple((k, Decimal(v)) for k, v in content.items()) if isinstance(content, dict) else ()
    return _dated(
        fact,
        lambda month: activity_rate(name, fact.unit, purity, shares, month),
        name,
        ACTIVITY_RULE,
    )


def production(fact: Fact) -> Posting:
    """Post an output over its days."""
    return _dated(fact, lambda _: free(OUTPUT), str(fact.data["product"]), REPORT_RULE)


def economy(fact: Fact) -> Posting:
    """Post value added over its days."""
    return _dated(fact, lambda _: free(VALUE_ADDED), VALUE_ADDED, REPORT_RULE)


def in_meter_unit(fact: Fact, value: Decimal, meter: Meter) -> Decimal | Fraction:
    """A value of a reading in the unit of its meter; Refused when it doesn't convert."""
    if fact.unit == meter.unit:
        return value
    try:
        return convert(value, fact.unit, meter.unit)
    except UnitError as error:
        raise Refused("wrong_unit", f"/data/unit of {fact.slot}: {error}") from error


def times(value: Decimal | Fraction, multiplier: Decimal) -> Decimal | Fraction:
    """value x multiplier, exactly."""
    if multiplier == 1:
        return value
    if isinstance(value, Decimal):
        return EXACT.multiply(value, multiplier)
    return value * Fraction(multiplier)


def _dated(fact: Fact, rate: Callable[[date], Rate], name: str, rule: str) -> Posting:
    assert fact.starts is not None
    days = split_dates(fact.starts.astimezone(UTC).date(), fact.ends.astimezone(UTC).date())
    parts = [(part.month, part.share) for part in days]
    pieces = _split(fact.value, parts, [rate(month) for month, _ in parts])
    asset = fact.data.get("asset_id")
    return Posting(
        fact,
        pieces,
        name,
        fact.unit,
        fact.quality,
        rule,
        asset_id=asset if isinstance(asset, str) else None,
    )


def _whole(month: date, rate: Rate, quantity: Decimal | Fraction) -> Piece:
    """The plain case, all in one month."""
    amount = rate.sign * rounded_product(rate.per_unit, quantity)
    return Piece(month, rate, _signed(_decimal(quantity), rate), _bounded(amount))


def _split(
    quantity: Decimal | Fraction, parts: Sequence[tuple[date, Fraction]], rates: Iterable[Rate]
) -> list[Piece]:
    whole = Fraction(quantity)
    quantities = split_quantity(_decimal(quantity), [share for _, share in parts])
    by_month = [(m, share, rate) for (m, share), rate in zip(parts, rates, strict=True)]
    amounts = split_amounts([whole * s * r.per_unit * r.sign for _, s, r in by_month])
    return [
        Piece(m, rate, _signed(part, rate), _bounded(amount))
        for (m, _, rate), part, amount in zip(by_month, quantities, amounts, strict=True)
    ]


def _decimal(quantity: Decimal | Fraction) -> Decimal:
    return quantity if isinstance(quantity, Decimal) else decimal_of(quantity, 40)


def _signed(quantity: Decimal, rate: Rate) -> Decimal:
    return quantity if rate.sign > 0 else quantity.copy_negate()


def _bounded(amount_mg: int) -> int:
    if abs(amount_mg) > AMOUNT_MG_MAX:
        raise Refused("out_of_range", f"/data: {amount_mg} mg; expected at most 10^9 t in an event")
    return amount_mg


def _meter_rate(meter: Meter, enterprise: Sequence[Enterprise], month: date, fuels: Fuels) -> Rate:
    version = on_date(enterprise, month)
    measured = in_force(fuels, meter.carrier, month) if fuels else None
    return meter_rate(
        meter.carrier, meter.unit, version.sector, version.grid_region, month, measured
    )


@lru_cache(maxsize=4096)
def _month_end(month: date, zone: ZoneInfo) -> datetime:
    return midnight(next_month(month), zone)
