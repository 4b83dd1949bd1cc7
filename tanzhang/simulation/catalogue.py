"""What the simulated city is made of: districts, sectors, banks. Shares are made up."""

from dataclasses import dataclass, field
from decimal import Decimal

ILLUSTRATIVE = "illustrative figure of the simulated city"
CUTS = {"deep_green": "0.80", "light_green": "1.00", "yellow": "1.20"}

# Name -> administrative division (GB/T 2260) and Chinese name.
DISTRICTS = {
    "kecheng": ("330802", "柯城"),
    "qujiang": ("330803", "衢江"),
    "changshan": ("330822", "常山"),
    "kaihua": ("330824", "开化"),
    "longyou": ("330825", "龙游"),
    "jiangshan": ("330881", "江山"),
}

POWER_GRID = "quzhou-power"
GAS_COMPANY = "quzhou-gas"
HEAT_COMPANY = "quzhou-heat"
ENTERPRISE_PORTAL = "enterprise-portal"
FARM_BUREAU = "agri-bureau"
# Bank -> share of the customers; also the CloudEvents source and the account's prefix.
BANKS = {"jsrcb": 30, "qzrcb": 25, "abc": 15, "ccb": 15, "icbc": 15}


@dataclass(frozen=True, slots=True)
class Carrier:
    """What a meter measures; `tonnes` of CO2 per `unit` only plan the city, they book nothing."""

    name: str
    unit: str
    source: str
    tonnes: Decimal


CARRIERS = {
    carrier.name: carrier
    for carrier in (
        Carrier("electricity", "kWh", POWER_GRID, Decimal("0.0006101")),
        Carrier("heat", "GJ", HEAT_COMPANY, Decimal("0.11")),
        Carrier("natural_gas", "Nm3", GAS_COMPANY, Decimal("0.00216219")),
        Carrier("raw_coal", "t", ENTERPRISE_PORTAL, Decimal("1.9003")),
        Carrier("diesel", "t", ENTERPRISE_PORTAL, Decimal("3.0959")),
        Carrier("pv_generation", "kWh", POWER_GRID, Decimal(0)),
    )
}


@dataclass(frozen=True, slots=True)
class Sector:
    """A sector (GB/T 4754) and its product.

    `benchmark` in t CO2 per `unit`; `output` is the range of a year's output; `energy` shares
    of the energy emissions by carrier; `activity` with `per_output` t and t CO2 each (planning
    only); `value` is 1e4 CNY of value added per unit of output.
    """

    code: str
    noun: str
    product: str
    unit: str
    benchmark: Decimal
    weight: int
    output: tuple[int, int]
    energy: dict[str, int]
    value: Decimal
    activity: str | None = None
    per_output: Decimal = Decimal(0)
    activity_tonnes: Decimal = Decimal(0)
    purity: Decimal | None = None
    best: float = 0.55
    names: tuple[str, ...] = field(default=("一号线 Line 1", "二号线 Line 2"))


_LIMESTONE = ("carbonate.CaCO3", Decimal("0.4397"), Decimal("0.92"))
SECTORS = (
    Sector("4411", "热电", "electricity", "MWh", Decimal("0.82"), 10, (50_000, 600_000),
           {"raw_coal": 97, "diesel": 1, "electricity": 2}, Decimal("0.012"),
           _LIMESTONE[0], Decimal("0.004"), _LIMESTONE[1], _LIMESTONE[2]),
    Sector("2614", "化工", "organic_chemicals", "t", Decimal("1.45"), 110, (4_000, 90_000),
           {"electricity": 35, "heat": 35, "natural_gas": 20, "raw_coal": 10}, Decimal("0.30"),
           "direct.co2", Decimal("0.12"), Decimal(1)),
    Sector("2651", "树脂", "synthetic_resin", "t", Decimal("0.92"), 60, (3_000, 60_000),
           {"electricity": 50, "heat": 40, "natural_gas": 10}, Decimal("0.35")),
    Sector("3441", "泵业", "pumps", "1e4CNY", Decimal("0.35"), 140, (800, 40_000),
           {"electricity": 75, "natural_gas": 20, "diesel": 5}, Decimal("0.26")),
    Sector("3489", "机械", "machine_parts", "1e4CNY", Decimal("0.35"), 80, (500, 20_000),
           {"electricity": 80, "natural_gas": 15, "diesel": 5}, Decimal("0.24")),
    Sector("3011", "水泥", "clinker", "t", Decimal("0.853"), 25, (200_000, 1_500_000),
           {"raw_coal": 85, "electricity": 14, "diesel": 1}, Decimal("0.008"),
           "clinker", Decimal(1), Decimal("0.538"), None, 0.72),
    Sector("3031", "砖瓦", "bricks", "t", Decimal("0.12"), 55, (20_000, 300_000),
           {"natural_gas": 50, "raw_coal": 30, "electricity": 20}, Decimal("0.02"),
           _LIMESTONE[0], Decimal("0.03"), _LIMESTONE[1], _LIMESTONE[2]),
    Sector("2221", "纸业", "paperboard", "t", Decimal("0.60"), 80, (8_000, 200_000),
           {"electricity": 35, "heat": 35, "raw_coal": 25, "natural_gas": 5}, Decimal("0.09"),
           _LIMESTONE[0], Decimal("0.01"), _LIMESTONE[1], _LIMESTONE[2]),
    Sector("1495", "糖醇", "sugar_alcohol", "t", Decimal("0.110"), 40, (5_000, 120_000),
           {"electricity": 45, "heat": 45, "natural_gas": 10}, Decimal("0.40")),
)  # fmt: skip
