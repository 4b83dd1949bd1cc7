"""Farm records: straw, soil carbon, manure and emissions, on ever more parcels."""

from collections import deque
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from tests.faults.supply.documents import (
    OFFSET,
    YEAR,
    Document,
    Registration,
    day_text,
    decimal,
    document,
    month_starts,
)

RECORD = "cn.tanzhang.farm.record.v1"
SOURCE = "agri-bureau"
FIGURES = ("straw_kg_per_ha", "heads", "quantity", "area_ha")

_TYPES = ("planting", "breeding", "organic_fertiliser")
_SYSTEMS = ("lagoon", "pit_long", "pit_short", "solid", "daily_spread", "dry_lot", "digester")
_SOILS = ("HAC", "LAC", "sandy", "wetland")
_LAND_USES = ("annual", "paddy", "perennial", "set_aside")
_TILLAGES, _INPUTS = ("full", "reduced", "no_till"), ("low", "medium", "high", "high_manure")
_EMISSIONS = (
    ("electricity", "kWh", (20, 9000, 3)),
    ("electricity", "MWh", (0.1, 9, 4)),
    ("diesel", "t", (0.001, 0.4, 5)),
    ("diesel", "kg", (1, 300, 2)),
    ("fertiliser_n", "t", (0.001, 0.2, 5)),
    ("enteric_pig", "head", (1, 40, 0)),
)
# Emissions of the whole year, as electricity: deep, medium and light green, and none declared.
_GROSS_MWH = ("40", "260", "2600", None)
_REPLACED_SHARE, _REPLACEMENT_FIRST_SHARE = 0.12, 0.3


@dataclass(slots=True)
class _Farm:
    id: str
    parcels: int = 0
    straw: list[dict[str, Any]] = field(default_factory=list)
    barns: dict[str, list[int]] = field(default_factory=dict)


class Farms:
    """`next` gives what to send now, followed by what is to be held back for a while."""

    def __init__(self, seed: int, farms: int) -> None:
        self._chance = Random(f"{seed}:farms")
        self._farms = [_Farm(f"farm:fault-{seed}-{index:04d}") for index in range(farms)]
        self._made = 0
        self._open: deque[Document] = deque(maxlen=200)
        # Sent for good: what a refused record may contradict.
        self._standing: deque[Document] = deque(maxlen=200)
        self._replaced: deque[tuple[Document, Document]] = deque(maxlen=100)
        self._base = [found for index in range(farms) for found in self._base_of(index)]
        self._chance.shuffle(self._base)

    def registrations(self) -> list[Registration]:
        return [
            (
                "agri",
                f"/v1/farms/{farm.id}",
                {"name": f"示例农场{n}", "type": _TYPES[n % 3], "district": "kecheng"},
            )
            for n, farm in enumerate(self._farms)
        ]

    def next(self) -> list[Document]:
        if self._base:
            return [self._keep(self._base.pop())]
        if self._open and self._chance.random() < _REPLACED_SHARE:
            return self._replacement()
        farm = self._chance.choice(self._farms)
        make = self._chance.choice(
            (self._straw, self._straw, self._soil, self._manure, self._gross)
        )
        return [self._keep(make(farm))]

    def refused(self) -> Document | None:
        """A record that claims what one that was sent claims already."""
        chance = self._chance
        if self._replaced and chance.random() < 0.3:
            target, successor = chance.choice(self._replaced)
            return self._again(successor, {"replaces": target["id"]})
        claims = [f for f in self._standing if f["data"]["pathway"] != "emission"]
        return self._rival(chance.choice(claims)) if claims else None

    def _rival(self, standing: Document) -> Document:
        data = standing["data"]
        if data["pathway"] == "straw_return":
            if self._chance.random() < 0.5:
                return self._again(standing, {"area_ha": f"{data['area_ha']}1"})
            days = {name: data[name] for name in ("start", "end", "parcel_id", "area_ha")}
            return self._again(standing | {"data": {}}, days | self._practice())
        return self._again(standing, {})

    def _replacement(self) -> list[Document]:
        """Another figure in place of a record, which may come after its replacement."""
        if self._chance.random() < _REPLACEMENT_FIRST_SHARE:
            late = self._gross(self._chance.choice(self._farms))
            return [self._corrected(late), late]
        target = self._chance.choice(self._open)
        self._open.remove(target)
        found = self._corrected(target)
        self._replaced.append((target, found))
        self._open.append(found)
        return [found]

    def _corrected(self, target: Document) -> Document:
        data, chance = target["data"], self._chance
        change: dict[str, Any] = {"replaces": target["id"]}
        match data["pathway"]:
            case "straw_return":
                change["straw_kg_per_ha"] = decimal(chance, 1, 4000, 1)
            case "soil_carbon":
                change["input_after"] = chance.choice(_INPUTS)
            case "manure_utilisation":
                change["heads"] = str(1 + chance.randrange(5000))
            case _:
                change["quantity"] = decimal(chance, 1, 50, 0)
        return self._again(target, change)

    def _again(self, found: Document, change: dict[str, Any]) -> Document:
        data = {name: value for name, value in found["data"].items() if name != "replaces"}
        return self._document(found["subject"], data | change)

    def _keep(self, found: Document) -> Document:
        self._open.append(found)
        self._standing.append(found)
        return found

    def _base_of(self, index: int) -> list[Document]:
        """A year that gives the farm a green, or none."""
        farm, year = self._farms[index], self._days(date(YEAR, 1, 1), date(YEAR + 1, 1, 1))
        herd = {"animal": "growing_pig", "heads": "300"}
        herd |= {"system_before": "pit_long", "system_after": "digester"}
        barn = {"pathway": "manure_utilisation", "parcel_id": "barn-0", **herd, **year}
        found = [self._straw(farm), self._document(farm.id, barn)]
        gross = _GROSS_MWH[index % len(_GROSS_MWH)]
        if gross is not None:
            power = {"pathway": "emission", "parcel_id": "farm", "source": "electricity"}
            data = {**power, "quantity": gross, "unit": "MWh", **year}
            found.append(self._document(farm.id, data))
        return found

    def _straw(self, farm: _Farm) -> Document:
        """A return on a new parcel or a further one on a known parcel: intercept and cap once."""
        chance = self._chance
        if not farm.straw or chance.random() < 0.3:
            year = YEAR if chance.random() < 0.8 else YEAR + 1
            area = decimal(chance, 0.5, 90, 3)
            farm.straw.append({"parcel_id": self._parcel(farm), "area_ha": area, "year": year})
        parcel = dict(chance.choice(farm.straw))
        start, end = self._period(parcel.pop("year"))
        data = {"pathway": "straw_return", **parcel, **self._days(start, end)}
        data["straw_kg_per_ha"] = decimal(chance, 1, 5000, 2)
        return self._document(farm.id, data)

    def _soil(self, farm: _Farm) -> Document:
        start, end = self._period(YEAR)
        data = {"parcel_id": self._parcel(farm), "area_ha": decimal(self._chance, 0.5, 60, 4)}
        return self._document(farm.id, data | self._practice() | self._days(start, end))

    def _practice(self) -> dict[str, Any]:
        chance = self._chance
        return {
            "pathway": "soil_carbon",
            "soil": chance.choice(_SOILS),
            "land_use": chance.choice(_LAND_USES),
            "tillage_before": chance.choice(_TILLAGES),
            "tillage_after": chance.choice(_TILLAGES),
            "input_before": chance.choice(_INPUTS),
            "input_after": chance.choice(_INPUTS),
            "since": YEAR - chance.randrange(20),
        }

    def _manure(self, farm: _Farm) -> Document:
        """The next free month of a barn, a new barn when its year is full."""
        barn = next((name for name, months in farm.barns.items() if months), None)
        if barn is None:
            barn = f"barn-{len(farm.barns) + 1}"
            farm.barns[barn] = self._chance.sample(range(12), 12)
        month, starts = farm.barns[barn].pop(), month_starts(YEAR)
        data = {
            "pathway": "manure_utilisation",
            "parcel_id": barn,
            "animal": "growing_pig",
            "heads": str(1 + self._chance.randrange(3000)),
            "system_before": self._chance.choice(_SYSTEMS),
            "system_after": self._chance.choice(_SYSTEMS),
        }
        return self._document(farm.id, data | self._days(starts[month], starts[month + 1]))

    def _gross(self, farm: _Farm) -> Document:
        index = self._farms.index(farm)
        # One in four farms declares nothing, ever.
        declares = _GROSS_MWH[index % len(_GROSS_MWH)] is not None
        farm = farm if declares else self._farms[0]
        source, unit, figures = self._chance.choice(_EMISSIONS)
        data = {"pathway": "emission", "parcel_id": "farm", "source": source, "unit": unit}
        data["quantity"] = decimal(self._chance, *figures)
        start, end = self._period(YEAR if self._chance.random() < 0.85 else YEAR + 1)
        return self._document(farm.id, data | self._days(start, end))

    def _period(self, year: int) -> tuple[date, date]:
        """Days within a year, most of them across months."""
        last = date(year, 12, 31) if year == YEAR else date(year, 3, 31)
        days = (last - date(year, 1, 1)).days
        first = self._chance.randrange(days)
        length = self._chance.randrange(1, days - first + 2)
        start = date(year, 1, 1) + timedelta(days=first)
        return start, start + timedelta(days=length)

    def _days(self, start: date, end: date) -> dict[str, Any]:
        return {"start": day_text(start, self._chance), "end": day_text(end, self._chance)}

    def _parcel(self, farm: _Farm) -> str:
        farm.parcels += 1
        return f"field-{farm.parcels}"

    def _document(self, farm: str, data: dict[str, Any]) -> Document:
        self._made += 1
        at = datetime(YEAR + 1, 2, 1, tzinfo=OFFSET)
        at += timedelta(minutes=self._chance.randrange(1000))
        return document(RECORD, SOURCE, f"record-{self._made}", farm, at, data)
