"""From an event to a fact: what can be refused without knowing anything else."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from services.industrial.domain.facts import Fact, Refused
from shared.events.envelope import Event
from shared.events.types import EconomicReport, MeterReading, ProcessActivity, ProductionReport
from shared.units.calendar import parse_date

READING = "reading"
PRODUCTION = "production"
ECONOMY = "economy"
ACTIVITY = "activity"

SPAN_DAYS_MAX = 3660
YEARS = range(1990, 2101)
_VALUE_MAX = Decimal(10) ** 15
_PLACES_MAX = 24
_NO_TIME = timedelta()

Report = ProductionReport | EconomicReport | ProcessActivity


def fact_of(event: Event, account: int, zone: ZoneInfo) -> Fact:
    """The fact that an event reports; Refused when it can never be posted."""
    data = event.data
    if isinstance(data, MeterReading):
        fact = _reading(event, account, data)
    elif isinstance(data, ProductionReport):
        slot = f"product:{data.product}:{data.asset_id or ''}"
        more = {"product": data.product, "asset_id": data.asset_id, "evidence": data.evidence}
        fact = _report(event, account, data, zone, (PRODUCTION, slot, data.quantity), more)
    elif isinstance(data, EconomicReport):
        fact = _report(event, account, data, zone, (ECONOMY, "value_added", data.value_added), {})
    elif isinstance(data, ProcessActivity):
        slot = f"activity:{data.activity}"
        fact = _report(event, account, data, zone, (ACTIVITY, slot, data.quantity), _shares(data))
    else:
        raise Refused("wrong_type", f"/type: {event.type} is not of an industrial account")
    _check(fact)
    return fact


def _reading(event: Event, account: int, data: MeterReading) -> Fact:
    if (data.start is None) == (data.kind == "interval"):
        expected = "a start" if data.kind == "interval" else "no start"
        raise Refused("wrong_interval", f"/data/start: expected {expected} with kind {data.kind}")
    if data.exchange is not None and data.kind == "interval":
        raise Refused("wrong_exchange", "/data/exchange: expected with kind register only")
    more = {"evidence": data.evidence, "exchange": data.exchange}
    return Fact(
        account,
        event.key,
        event.content,
        event.source,
        event.id,
        READING,
        f"meter:{data.meter_id}",
        data.start,
        data.end,
        event.time,
        data.quality,
        data.value,
        data.unit,
        {name: said for name, said in more.items() if said},
    )


def _report(
    event: Event,
    account: int,
    data: Report,
    zone: ZoneInfo,
    what: tuple[str, str, Decimal],
    more: Mapping[str, object],
) -> Fact:
    kind, slot, value = what
    return Fact(
        account,
        event.key,
        event.content,
        event.source,
        event.id,
        kind,
        slot,
        _midnight("start", data.start, zone),
        _midnight("end", data.end, zone),
        event.time,
        "actual",
        value,
        data.unit,
        {name: part for name, part in more.items() if part is not None},
    )


def _shares(data: ProcessActivity) -> dict[str, object]:
    return {
        "purity": None if data.purity is None else str(data.purity),
        "content": {k: str(v) for k, v in sorted(data.content.items())} if data.content else None,
        "asset_id": data.asset_id,
        "evidence": data.evidence,
    }


def _midnight(field: str, text: str, zone: ZoneInfo) -> datetime:
    try:
        day: date = parse_date(text, zone)
    except ValueError as error:
        raise Refused("wrong_date", f"/data/{field}: {error}") from error
    return datetime.combine(day, time(), UTC)


def _check(fact: Fact) -> None:
    """The door checks most of this; an event may also come straight from Kafka."""
    if "\x00" in fact.slot or "\x00" in fact.unit or (fact.data and _has_nul(fact.data)):
        raise Refused("wrong_text", "/data: expected texts without the NUL character")
    _check_times(fact)
    _check_value(fact)


def _has_nul(data: Mapping[str, object]) -> bool:
    return any("\x00" in value for value in data.values() if isinstance(value, str))


def _check_times(fact: Fact) -> None:
    starts, ends = fact.starts, fact.ends
    if ends.year not in YEARS or (starts is not None and starts.year not in YEARS):
        raise Refused(
            "wrong_interval",
            f"/data/end: expected a time from {YEARS[0]} to {YEARS[-1]}, got {fact.period()}",
        )
    if starts is None:
        return
    length = ends - starts
    if length <= _NO_TIME:
        raise Refused(
            "wrong_interval", f"/data/end: expected an end after the start, got {fact.period()}"
        )
    if length.days > SPAN_DAYS_MAX:
        raise Refused(
            "wrong_interval",
            f"/data/end: expected at most {SPAN_DAYS_MAX} days, got {fact.period()}",
        )


def _check_value(fact: Fact) -> None:
    value = fact.value
    if not value.is_finite():
        raise Refused("out_of_range", f"{fact.slot!r}: expected a number, got {value}")
    if fact.kind != ECONOMY and value < 0:
        raise Refused("negative_quantity", f"{fact.slot}: expected zero or more, got {value}")
    if abs(value) > _VALUE_MAX or -_exponent(value) > _PLACES_MAX:
        raise Refused(
            "out_of_range",
            f"{fact.slot}: expected at most 10^15 and {_PLACES_MAX} decimal places",
        )


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return exponent if isinstance(exponent, int) else -_PLACES_MAX - 1
