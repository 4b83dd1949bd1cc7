"""Simulated farms: planting, breeding and organic fertiliser, with records of a year."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any

from tanzhang.cloudevents import CloudEvent, cloud_event
from tanzhang.simulation.calendar import instant
from tanzhang.simulation.catalogue import DISTRICTS, FARM_BUREAU
from tanzhang.simulation.credit_codes import credit_code, random_organisation
from tanzhang.simulation.registration import Registration

_TYPES = {"planting": ("种植", 10), "breeding": ("养殖", 7), "organic_fertiliser": ("有机肥", 3)}
# Planning only, t CO2e: per head and year (long pit to digester, to compost), per kWh, t diesel,
# t nitrogen. The account computes its own.
_DIGESTER_T, _COMPOST_T = 0.341, 0.25
_KWH_T, _DIESEL_T, _NITROGEN_T = 0.00061, 3.1, 8.4
# Neutralised to gross emissions, so that all three greens appear; None declares no emissions.
_RATIOS = ((0.15, 0.45), (0.55, 0.95), (1.05, 2.0), None)
_COOPERATIVES_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Farm:
    """A farm and what its year records; a record without dates covers the whole year."""

    id: str
    name: str
    type: str
    district: str
    records: tuple[dict[str, Any], ...]


def farm(seed: int, index: int, year: int) -> Farm:
    """The `index`-th farm of a seed, always the same."""
    chance = Random(f"{seed}:farm:{index}")
    kind = chance.choices(list(_TYPES), [share for _, share in _TYPES.values()])[0]
    district = chance.choice(list(DISTRICTS))
    division, district_zh = DISTRICTS[district]
    is_cooperative = chance.random() < _COOPERATIVES_SHARE
    organisation = random_organisation(chance)
    records, neutralised = _planting(chance, year) if kind == "planting" else _manure(chance, kind)
    return Farm(
        id=credit_code("3", division, organisation)
        if is_cooperative
        else f"farm:qz-{index:04d}-{organisation.lower()}",
        name=f"衢州{district_zh}示例{_TYPES[kind][0]}{index:03d}"
        + ("专业合作社" if is_cooperative else "家庭农场"),
        type=kind,
        district=district,
        records=(*records, *_emissions(chance, kind, neutralised)),
    )


def registration(one: Farm) -> Registration:
    body = {"name": one.name, "type": one.type, "district": one.district}
    return Registration("agri", f"/v1/farms/{one.id}", body)


def events(one: Farm, year: int) -> Iterator[CloudEvent]:
    """The farm's records, each over the whole year unless it says otherwise."""
    for number, record in enumerate(one.records, 1):
        yield cloud_event(
            "cn.tanzhang.farm.record.v1",
            source=FARM_BUREAU,
            id=f"{one.id}/{year}/{number}",
            subject=one.id,
            time=instant(date(year + 1, 1, 1)),
            data={"start": f"{year}-01-01", "end": f"{year + 1}-01-01", **record},
        )


def _planting(chance: Random, year: int) -> tuple[list[dict[str, Any]], float]:
    """Straw on some parcels, in one return or two; better soil practice on another."""
    records: list[dict[str, Any]] = []
    tonnes = 0.0
    for parcel in range(chance.randint(1, 3)):
        area, straw = round(chance.uniform(5, 120), 2), chance.randrange(1500, 7001, 10)
        tonnes += area * (43.548 * straw / 1000 + 375.1) / 1000 * 44 / 12
        records += _straw(f"field-{parcel + 1}", area, straw, year, chance.random() < 0.4)
    if chance.random() < 0.3:
        area = round(chance.uniform(5, 60), 2)
        tonnes += area * 1.1515
        records.append(_soil(area, year - chance.randrange(10)))
    return records, tonnes


def _straw(parcel: str, area: float, straw: int, year: int, twice: bool) -> list[dict[str, Any]]:
    record = {"pathway": "straw_return", "parcel_id": parcel, "area_ha": str(area)}
    if not twice:
        return [{**record, "straw_kg_per_ha": str(straw)}]
    middle = f"{year}-07-01"
    first = straw // 2
    return [
        {**record, "straw_kg_per_ha": str(first), "end": middle},
        {**record, "straw_kg_per_ha": str(straw - first), "start": middle},
    ]


def _soil(area: float, since: int) -> dict[str, Any]:
    return {
        "pathway": "soil_carbon",
        "parcel_id": "upland",
        "area_ha": str(area),
        "soil": "LAC",
        "land_use": "annual",
        "tillage_before": "full",
        "tillage_after": "reduced",
        "input_before": "medium",
        "input_after": "high",
        "since": since,
    }


def _manure(chance: Random, kind: str) -> tuple[list[dict[str, Any]], float]:
    heads = chance.randrange(300, 8001, 10)
    is_digester = kind == "breeding" and chance.random() < 0.6
    record = {
        "pathway": "manure_utilisation",
        "parcel_id": "barn-1",
        "animal": "growing_pig",
        "heads": str(heads),
        "system_before": "pit_long",
        "system_after": "digester" if is_digester else "compost",
    }
    return [record], heads * (_DIGESTER_T if is_digester else _COMPOST_T)


def _emissions(chance: Random, kind: str, neutralised: float) -> list[dict[str, Any]]:
    """Gross emissions that put the farm into a drawn green; none where it doesn't declare them."""
    ratio = chance.choices(_RATIOS, (35, 30, 25, 10))[0]
    if ratio is None:
        return []
    gross = neutralised / chance.uniform(*ratio)
    if kind == "planting":
        parts = (("fertiliser_n", "t", 0.7 / _NITROGEN_T), ("diesel", "t", 0.3 / _DIESEL_T))
    else:
        parts = (("electricity", "kWh", 0.8 / _KWH_T), ("diesel", "t", 0.2 / _DIESEL_T))
    return [
        {
            "pathway": "emission",
            "parcel_id": "farm",
            "source": source,
            "quantity": f"{gross * per_tonne:.2f}",
            "unit": unit,
        }
        for source, unit, per_tonne in parts
    ]
