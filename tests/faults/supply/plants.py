"""The enterprises of the fault tests: what they are, their meters, and how their year looks."""

from dataclasses import dataclass
from random import Random
from typing import Any

from tanzhang.simulation.credit_codes import credit_code, random_organisation
from tests.faults.supply.documents import YEAR, Registration

CUTS = {"deep_green": "0.80", "light_green": "1.00", "yellow": "1.20"}
# Sector, product, unit, benchmark in t per unit: fuels of set A (30, 22) and of set B (26, 14).
SECTORS = (
    ("3031", "fired_bricks", "t", "0.12"),
    ("2614", "fault_resin", "t", "1.45"),
    ("2221", "kraft_board", "t", "0.60"),
    ("1495", "fault_sugar", "t", "0.11"),
)
# Months reported, share of the benchmark, and the qualities of its data: the four colours, one
# that is incomplete, and one whose data are never measured.
_YEARS = (
    (12, 0.60, ("actual", "substituted", "estimated")),
    (12, 0.90, ("actual", "substituted", "estimated")),
    (12, 1.10, ("actual", "estimated")),
    (12, 1.70, ("actual", "substituted")),
    (8, 0.90, ("actual", "estimated")),
    (12, 0.60, ("substituted", "estimated")),
)
COUNTER_MAX = 130_000
_PLANNING_T_PER_KWH = 0.0005153


@dataclass(frozen=True, slots=True)
class Meter:
    """`size` is the name of its grid of intervals; counters have none."""

    id: str
    carrier: str
    unit: str
    kind: str = "interval"
    multiplier: str = "1"
    register_max: str | None = None


@dataclass(frozen=True, slots=True)
class Plant:
    """`month_kwh` of power on the main meter and `month_output` of product make its colour."""

    number: int
    id: str
    sector: tuple[str, str, str, str]
    months: int
    qualities: tuple[str, ...]
    power: Meter
    gas: Meter
    diesel: Meter
    counter: Meter
    export: Meter
    solar: Meter
    month_kwh: float
    month_output: float

    @property
    def is_measured(self) -> bool:
        return "actual" in self.qualities

    def meters(self) -> tuple[Meter, ...]:
        return (self.power, self.gas, self.diesel, self.counter, self.export, self.solar)


def plant(seed: int, number: int) -> Plant:
    """The n-th enterprise of a seed, always the same."""
    chance = Random(f"{seed}:plant:{number}")
    id = credit_code("1", "330802", random_organisation(chance))
    sector = SECTORS[number % len(SECTORS)]
    months, share, qualities = _YEARS[number % len(_YEARS)]
    kwh = chance.uniform(2e6, 4e6)
    top = str(COUNTER_MAX) if number % 2 else None
    multiplier = "40" if number % 3 == 0 else "1"
    return Plant(
        number,
        id,
        sector,
        months,
        qualities,
        power=Meter(f"{id}-power", "electricity", "kWh", multiplier=multiplier),
        gas=Meter(f"{id}-gas", "natural_gas", "Nm3"),
        diesel=Meter(f"{id}-diesel", "diesel", "t"),
        counter=Meter(f"{id}-heat", "heat", "GJ", "register", "0.01", top),
        export=Meter(f"{id}-export", "exported_electricity", "MWh"),
        solar=Meter(f"{id}-solar", "pv_generation", "kWh"),
        month_kwh=kwh,
        month_output=kwh * _PLANNING_T_PER_KWH / float(sector[3]) / share,
    )


def registrations(one: Plant) -> list[Registration]:
    """The enterprise, then its meters."""
    code, product, unit, _ = one.sector
    body = {"name": f"示例企业{one.number}", "sector": code, "district": "kecheng"}
    body |= {"grid_region": "zhejiang", "product": product, "product_unit": unit}
    found: list[Registration] = [("industrial", f"/v1/enterprises/{one.id}", body)]
    for meter in one.meters():
        found.append(("industrial", f"/v1/meters/{meter.id}", _body(one, meter)))
    return found


def benchmarks() -> list[Registration]:
    return [
        (
            "grading",
            f"/v1/benchmarks/{code}/{YEAR}?product={product}",
            {
                "product": product,
                "unit": f"t/{unit}",
                "benchmark": value,
                "cuts": CUTS,
                "kind": "published",
                "source": "illustrative figure of the fault tests",
            },
        )
        for code, product, unit, value in SECTORS
    ]


def _body(one: Plant, meter: Meter) -> dict[str, Any]:
    body = {
        "enterprise_id": one.id,
        "carrier": meter.carrier,
        "unit": meter.unit,
        "kind": meter.kind,
        "multiplier": meter.multiplier,
    }
    return body if meter.register_max is None else body | {"register_max": meter.register_max}
