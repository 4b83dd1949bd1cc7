"""The meaning of each input type: order of times, ranges, and which fields belong together.

Pure functions of typed data; what depends on a registry (a meter's carrier, a product's unit)
is for the services.
"""

import re
from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from shared.events.diagnosis import missing_fields
from shared.events.errors import EventError, FieldError, pointer, refuse
from shared.events.types import (
    Data,
    EconomicReport,
    FarmRecord,
    MeterReading,
    Payment,
    ProcessActivity,
    ProductionReport,
)
from shared.units.calendar import CITY, local_date, parse_date
from shared.units.quantity import UNITS

YEARS = range(1990, 2101)
LONGEST = timedelta(days=366)
AHEAD = timedelta(hours=24)
FARM_UNITS = (*UNITS, "head", "ha")

_ZERO, _ONE, _MILLION = Decimal(0), Decimal(1), Decimal(10**6)
# Least and greatest value by field; what is not here must be zero or more.
RANGES: dict[str, tuple[Decimal, Decimal]] = {
    "purity": (Decimal(0), _ONE),
    "area_ha": (Decimal("0.0001"), 10 * _MILLION),
    "straw_kg_per_ha": (Decimal(0), Decimal(100_000)),
    "stock_before_t_per_ha": (Decimal(0), Decimal(10_000)),
    "stock_after_t_per_ha": (Decimal(0), Decimal(10_000)),
    "soc_before_g_per_kg": (Decimal(0), Decimal(600)),
    "soc_after_g_per_kg": (Decimal(0), Decimal(600)),
    "bulk_density_before_g_per_cm3": (Decimal("0.1"), Decimal("2.65")),
    "bulk_density_after_g_per_cm3": (Decimal("0.1"), Decimal("2.65")),
    "depth_cm": (Decimal(1), Decimal(200)),
    "stones": (Decimal(0), Decimal("0.95")),
    "stock_years": (Decimal("0.01"), Decimal(100)),
    "burnt_before": (Decimal(0), _ONE),
    "heads": (Decimal(0), 1000 * _MILLION),
    "biogas_lhv_mj_per_m3": (Decimal(5), Decimal(40)),
}
_SIGNED = frozenset({"value_added"})

_DEFAULT_SOIL = (
    "soil", "land_use", "tillage_before", "tillage_after", "input_before", "input_after",
)  # fmt: skip
_STOCKS = ("stock_before_t_per_ha", "stock_after_t_per_ha", "stock_years")
_SAMPLES = (
    "soc_before_g_per_kg", "soc_after_g_per_kg",
    "bulk_density_before_g_per_cm3", "bulk_density_after_g_per_cm3",
    "depth_cm", "stones", "stock_years",
)  # fmt: skip
# In which of three ways a soil record says its change, told by what only that way has.
_SOIL_WAYS = (_SAMPLES, _STOCKS, _DEFAULT_SOIL)
_BURNING = ("crop", "burnt_before")
_BIOGAS = ("biogas_m3", "biogas_lhv_mj_per_m3", "biogas_replaces")
_NITROGEN = ("synthetic_n_before_t", "synthetic_n_after_t", "evidence")
# Fields that come together or not at all; evidence alone proves nothing.
_TOGETHER = (_BURNING, _BIOGAS, _NITROGEN)
_EVERY_RECORD = frozenset(["pathway", "parcel_id", "start", "end", "replaces", "evidence"])
# By pathway: what it needs, and what it may have.
PATHWAYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "straw_return": (
        ("area_ha", "straw_kg_per_ha"),
        ("paddy", "days_before_flooding", *_BURNING),
    ),
    "soil_carbon": (("area_ha",), (*_DEFAULT_SOIL, *_SAMPLES, *_STOCKS, "since")),
    "manure_utilisation": (
        ("animal", "heads", "system_before", "system_after"),
        (*_BIOGAS, *_NITROGEN),
    ),
    "emission": (("source", "quantity", "unit"), ("area_ha",)),
}
NEED_QUANTITY = frozenset({"electricity_saving", "bike_ride", "walking", "ev_charging"})
_CURRENCY = re.compile(r"[A-Z]{3}")
_MCC = re.compile(r"[0-9]{4}")


def check(data: Data, now: datetime | None = None, zone: ZoneInfo = CITY) -> None:
    """Check an input other than a payment; raises EventError. `now` is the door's clock."""
    _check_ranges(data)
    _CHECKS[type(data)](data, zone)
    if now is not None:
        _check_ahead(data, now + AHEAD, zone)


def check_instant(where: str, at: datetime) -> None:
    if at.year not in YEARS:
        raise refuse("out-of-range", where, f"must lie in {YEARS[0]} to {YEARS[-1]}")


def check_payment(data: Payment, time: datetime | None, now: datetime | None) -> None:
    """A payment happened at `time`; `now` is the door's clock, None when there is none."""
    if time is None:
        raise missing_fields(["time"])
    if now is not None and time - now > AHEAD:
        raise refuse("out-of-range", "/time", "must be at most 24 h ahead")
    _check_ranges(data)
    if data.kind in NEED_QUANTITY and data.quantity is None:
        raise missing_fields(["quantity"], "data")
    if not _CURRENCY.fullmatch(data.currency):
        raise refuse("wrong-format", "/data/currency", "must be three capital letters, such as CNY")
    if data.mcc is not None and not _MCC.fullmatch(data.mcc):
        raise refuse("wrong-format", "/data/mcc", "must be four digits")


def _check_reading(data: MeterReading, _: ZoneInfo) -> None:
    _check_word("/data/unit", data.unit, UNITS)
    check_instant("/data/end", data.end)
    if data.kind == "register":
        if data.start is not None:
            raise refuse("unexpected-field", "/data/start", "is not for register readings")
        return
    if data.exchange is not None:
        raise refuse("unexpected-field", "/data/exchange", "is for register readings only")
    if data.start is None:
        raise missing_fields(["start"], "data")
    check_instant("/data/start", data.start)
    _check_order(data.start, data.end)


def _check_ahead(data: Any, latest: datetime, zone: ZoneInfo) -> None:
    """A reading is of what is over; what tells of days may be of a year that is under way."""
    if isinstance(data, MeterReading):
        if data.end > latest:
            raise refuse("out-of-range", "/data/end", "must be at most 24 h ahead")
    elif _day("/data/start", data.start, zone) > local_date(latest, zone):
        raise refuse("out-of-range", "/data/start", "must be at most 24 h ahead")


def _check_report(data: ProductionReport | EconomicReport, zone: ZoneInfo) -> None:
    _days(data.start, data.end, zone)


def _check_process(data: ProcessActivity, zone: ZoneInfo) -> None:
    _days(data.start, data.end, zone)
    _check_word("/data/unit", data.unit, UNITS)
    for name, share in (data.content or {}).items():
        if not 0 <= share <= 1:
            raise refuse("out-of-range", pointer("data", "content", name), "must lie in 0 to 1")


def _check_farm(data: FarmRecord, zone: ZoneInfo) -> None:
    _check_fields(data)
    if data.parcel_id != data.parcel_id.strip():
        # Otherwise it would be another parcel, and could claim what this one does.
        raise refuse("wrong-format", "/data/parcel_id", "must have no space before or after it")
    start, end = _days(data.start, data.end, zone)
    last = end - timedelta(days=1)
    if start.year != last.year:
        raise refuse("out-of-range", "/data/end", "must lie in the same calendar year as start")
    if data.since is not None and not 1900 <= data.since <= start.year:
        raise refuse("out-of-range", "/data/since", "must be a year from 1900 to that of start")
    if data.unit is not None:
        _check_word("/data/unit", data.unit, FARM_UNITS)
    if data.days_before_flooding is not None:
        _check_flooding(data, data.days_before_flooding)


def _check_flooding(data: FarmRecord, days: int) -> None:
    if not data.paddy:
        raise refuse("unexpected-field", "/data/days_before_flooding", "is for paddy true only")
    if not 0 <= days <= 366:
        raise refuse("out-of-range", "/data/days_before_flooding", "must lie in 0 to 366")


def _check_fields(data: FarmRecord) -> None:
    """Exactly the fields of the pathway; those that are missing are listed together."""
    names = zip(data.__struct_encode_fields__, data.__struct_fields__, strict=True)
    given = {name for name, attribute in names if getattr(data, attribute) is not None}
    needed, allowed = PATHWAYS[data.pathway]
    if data.pathway == "soil_carbon":
        needed, allowed = (*needed, *_soil_way(given)), ("since",)
    for group in _TOGETHER:
        if not given.isdisjoint(set(group) & set(allowed) - _EVERY_RECORD):
            needed += group
    missing = [name for name in needed if name not in given]
    if missing:
        raise missing_fields(missing, "data")
    foreign = sorted(given - _EVERY_RECORD - {*needed, *allowed})
    if foreign:
        detail = f"does not belong to {data.pathway}, which takes: {', '.join((*needed, *allowed))}"
        errors = [FieldError(pointer("data", name), detail) for name in foreign]
        raise EventError("unexpected-field", f"{', '.join(foreign)}: {detail}", errors)


def _soil_way(given: set[str]) -> tuple[str, ...]:
    """The fields of the way that a soil record has begun; those of the defaults for none."""
    begun = [way for way in _SOIL_WAYS if not given.isdisjoint({*way} - {"stock_years"})]
    if not begun:
        return _STOCKS if "stock_years" in given else _DEFAULT_SOIL
    return begun[0]


def _check_ranges(data: Data) -> None:
    for attribute, name, bounds in _ranges(data.__class__):
        value = getattr(data, attribute)
        if value is None:
            continue
        if bounds is None and value < _ZERO:
            raise refuse("out-of-range", pointer("data", name), "must not be negative")
        if bounds is not None and not bounds[0] <= value <= bounds[1]:
            detail = f"must lie in {bounds[0]} to {bounds[1]}"
            raise refuse("out-of-range", pointer("data", name), detail)


@cache
def _ranges(data_type: type[Data]) -> list[tuple[str, str, tuple[Decimal, Decimal] | None]]:
    """Attribute, name and bounds of a type's amounts."""
    return [
        (field.name, field.encode_name, RANGES.get(field.encode_name))
        for field in msgspec.structs.fields(data_type)
        if field.type in (Decimal, Decimal | None) and field.encode_name not in _SIGNED
    ]


def _check_order(start: date | datetime, end: date | datetime) -> None:
    length: Any = end - start  # type: ignore[operator]  # both dates or both instants
    if length <= timedelta():
        raise refuse("wrong-order", "/data/end", "must be after start")
    if length > LONGEST:
        raise refuse(
            "out-of-range", "/data/end", f"must be at most {LONGEST.days} days after start"
        )


def _days(start: str, end: str, zone: ZoneInfo) -> tuple[date, date]:
    days = _day("/data/start", start, zone), _day("/data/end", end, zone)
    _check_order(*days)
    return days


def _day(where: str, text: str, zone: ZoneInfo) -> date:
    try:
        day = parse_date(text, zone)
    except (ValueError, OverflowError):
        form = "must be a date such as 2020-01-31, or midnight of the city with its offset"
        raise refuse("wrong-format", where, form) from None
    if day.year not in YEARS:
        raise refuse("out-of-range", where, f"must lie in {YEARS[0]} to {YEARS[-1]}")
    return day


def _check_word(where: str, word: str, words: Collection[str]) -> None:
    if word not in words:
        raise refuse("unknown-word", where, f"must be one of: {', '.join(words)}")


_CHECKS: dict[type[Data], Callable[[Any, ZoneInfo], None]] = {
    MeterReading: _check_reading,
    ProductionReport: _check_report,
    EconomicReport: _check_report,
    ProcessActivity: _check_process,
    FarmRecord: _check_farm,
}
