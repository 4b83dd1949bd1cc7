"""The accounts whose published figures the product must reproduce exactly.

Enterprise and farm carry the names of the city's own story; their ids are constructed. The
farm's areas and heads are illustrative inputs that fit the published result.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from tanzhang.cloudevents import CloudEvent, cloud_event
from tanzhang.simulation.calendar import OFFSET, instant
from tanzhang.simulation.catalogue import ENTERPRISE_PORTAL, FARM_BUREAU
from tanzhang.simulation.credit_codes import credit_code
from tanzhang.simulation.registration import Registration

HUAKANG = credit_code("1", "330824", "MA2HK001")
SANYIYI = "farm:sanyiyi-ecofarm"
CUSTOMER = "jsrcb:golden-lao-zhou"


@dataclass(frozen=True, slots=True)
class Expected:
    """The golden figures of one year; tonnes, grams and points as the services show them.

    Pathways of the farm are to one decimal, everything else exact or to the places given.
    """

    year: int
    enterprise: str = HUAKANG
    before: tuple[tuple[str, str], ...] = (
        ("energy_t", "11659.61"),
        ("process_t", "2491.14"),
        ("avoided_t", "0"),
        ("total_t", "14150.75"),
        ("output", "137120"),
    )
    before_intensity: str = "0.1032"
    after: tuple[tuple[str, str], ...] = (
        ("energy_t", "11659.61"),
        ("process_t", "2491.14"),
        ("avoided_t", "275.51"),
        ("total_t", "13875.24"),
        ("output", "137120"),
    )
    after_intensity: str = "0.1012"
    label: str = "light_green"
    farm: str = SANYIYI
    farm_tonnes: tuple[tuple[str, str], ...] = (
        ("straw_t", "613.5"),
        ("soil_t", "247.0"),
        ("manure_t", "238.6"),
        ("neutralised_t", "1099.1"),
    )
    customer: str = CUSTOMER
    reduction_g: str = "23.096"
    points: str = "23.096"


def registrations() -> Iterator[Registration]:
    yield Registration(
        "industrial",
        f"/v1/enterprises/{HUAKANG}",
        {
            "name": "浙江华康药业股份有限公司",
            "sector": "1495",
            "district": "kaihua",
            "grid_region": "zhejiang",
            "product": "sugar_alcohol",
            "product_unit": "t",
        },
    )
    yield Registration(
        "agri",
        f"/v1/farms/{SANYIYI}",
        {"name": "衢州市三易易美丽生态农牧有限公司", "type": "breeding", "district": "kecheng"},
    )


def enterprise_events(year: int) -> Iterator[CloudEvent]:
    """The enterprise before its reduction."""
    for name, tonnes in (("direct.energy_co2", "11659.61"), ("direct.co2", "2491.14")):
        yield _activity(name, tonnes, year)
    yield cloud_event(
        "cn.tanzhang.production.report.v1",
        source=ENTERPRISE_PORTAL,
        id=f"golden-output-{year}",
        subject=HUAKANG,
        time=instant(date(year + 1, 1, 1)),
        data={"product": "sugar_alcohol", **_whole(year), "quantity": "137120", "unit": "t"},
    )


def events_after(year: int) -> Iterator[CloudEvent]:
    """What rooftop solar avoided."""
    yield _activity("direct.avoided_co2", "275.51", year)


def farm_events(year: int) -> Iterator[CloudEvent]:
    straw = {"parcel_id": "fields", "area_ha": "364.76", "straw_kg_per_ha": "1920"}
    orchard = {
        "parcel_id": "orchard",
        "area_ha": "77.32",
        "soil": "LAC",
        "land_use": "perennial",
        "tillage_before": "full",
        "tillage_after": "full",
        "input_before": "medium",
        "input_after": "high_manure",
        "since": year,
    }
    barn = {
        "parcel_id": "barn",
        "animal": "growing_pig",
        "heads": "700",
        "system_before": "pit_long",
        "system_after": "digester",
    }
    for pathway, fields in (
        ("straw_return", straw),
        ("soil_carbon", orchard),
        ("manure_utilisation", barn),
    ):
        yield cloud_event(
            "cn.tanzhang.farm.record.v1",
            source=FARM_BUREAU,
            id=f"golden-{pathway}-{year}",
            subject=SANYIYI,
            time=instant(date(year + 1, 1, 1)),
            data={"pathway": pathway, **_whole(year), **fields},
        )


def payment_events(year: int) -> Iterator[CloudEvent]:
    yield cloud_event(
        "cn.tanzhang.payment.v1",
        source=CUSTOMER.partition(":")[0],
        id=f"golden-transfer-{year}",
        subject=CUSTOMER,
        time=datetime(year, 6, 23, 8, 41, tzinfo=OFFSET),
        data={"kind": "transfer", "channel": "online", "amount": "100.00", "currency": "CNY"},
    )


def _activity(name: str, tonnes: str, year: int) -> CloudEvent:
    return cloud_event(
        "cn.tanzhang.process.activity.v1",
        source=ENTERPRISE_PORTAL,
        id=f"golden-{name}-{year}",
        subject=HUAKANG,
        time=instant(date(year + 1, 1, 1)),
        data={"activity": name, **_whole(year), "quantity": tonnes, "unit": "t"},
    )


def _whole(year: int) -> dict[str, str]:
    return {"start": f"{year}-01-01", "end": f"{year + 1}-01-01"}
