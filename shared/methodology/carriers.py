"""The closed list of what a meter may measure, and the units that each accepts."""

from dataclasses import dataclass
from typing import Literal

from shared.units.quantity import Dimension, units_of

CarrierKind = Literal[
    "electricity",
    "heat",
    "steam",
    "pv_generation",
    "exported_electricity",
    "exported_heat",
    "exported_steam",
    "green_power",
    "green_certificate",
    "water",
    "fuel",
]


@dataclass(frozen=True, slots=True)
class Carrier:
    """`sign` of its emissions in the account's energy total: 1 adds, -1 subtracts, 0 is shown."""

    name: str
    kind: CarrierKind
    sign: int
    dimensions: tuple[Dimension, ...]
    name_en: str
    name_zh: str

    @property
    def needs_certificate(self) -> bool:
        """Its readings name the certificate that they claim."""
        return self.kind in ("green_power", "green_certificate")

    @property
    def units(self) -> tuple[str, ...]:
        """The units that a meter of this carrier may report in."""
        return tuple(unit for kind in self.dimensions for unit in units_of(kind))


_METERED: tuple[tuple[CarrierKind, int, tuple[Dimension, ...], str, str], ...] = (
    ("electricity", 1, ("energy",), "purchased electricity", "外购电力"),
    ("heat", 1, ("energy",), "purchased heat", "外购热力"),
    ("steam", 1, ("mass", "energy"), "purchased steam", "外购蒸汽"),
    ("pv_generation", 0, ("energy",), "self-used solar power", "自发自用光伏"),
    ("exported_electricity", -1, ("energy",), "exported electricity", "外供电力"),
    ("exported_heat", -1, ("energy",), "exported heat", "外供热力"),
    ("exported_steam", -1, ("mass", "energy"), "exported steam", "外供蒸汽"),
    ("green_power", 0, ("energy",), "green power with certificate", "绿电(有证书)"),
    (
        "green_certificate",
        -1,
        ("energy",),
        "green certificates for purchased electricity",
        "外购电力绿证抵扣",
    ),
    ("water", 0, ("volume",), "water", "水"),
)
_BY_MASS = (
    ("raw_coal", "raw coal", "原煤"),
    ("anthracite", "anthracite", "无烟煤"),
    ("bituminous", "bituminous coal", "烟煤"),
    ("lignite", "lignite", "褐煤"),
    ("washed_coal", "washed coal", "洗精煤"),
    ("other_washed_coal", "other washed coal", "其他洗煤"),
    ("briquette", "briquette", "型煤"),
    ("coal_gangue", "coal gangue", "煤矸石"),
    ("coke", "coke", "焦炭"),
    ("crude_oil", "crude oil", "原油"),
    ("fuel_oil", "fuel oil", "燃料油"),
    ("gasoline", "gasoline", "汽油"),
    ("diesel", "diesel", "柴油"),
    ("kerosene", "kerosene", "煤油"),
    ("naphtha", "naphtha", "石脑油"),
    ("lpg", "liquefied petroleum gas", "液化石油气"),
    ("lng", "liquefied natural gas", "液化天然气"),
    ("refinery_gas", "refinery gas", "炼厂干气"),
    ("coal_tar", "coal tar", "煤焦油"),
    ("crude_benzol", "crude benzol", "粗苯"),
    ("petroleum_coke", "petroleum coke", "石油焦"),
    ("other_petroleum", "other petroleum products", "其他石油制品"),
)
_BY_VOLUME = (
    ("natural_gas", "natural gas", "天然气"),
    ("coke_oven_gas", "coke-oven gas", "焦炉煤气"),
    ("blast_furnace_gas", "blast-furnace gas", "高炉煤气"),
    ("converter_gas", "converter gas", "转炉煤气"),
    ("carbide_furnace_gas", "calcium-carbide furnace gas", "密闭电石炉气"),
    ("other_gas", "other gas", "其他煤气"),
)


def _carriers() -> list[Carrier]:
    metered = [
        Carrier(kind, kind, sign, dimensions, en, zh) for kind, sign, dimensions, en, zh in _METERED
    ]
    solid = [Carrier(name, "fuel", 1, ("mass", "energy"), en, zh) for name, en, zh in _BY_MASS]
    gas = [Carrier(name, "fuel", 1, ("volume", "energy"), en, zh) for name, en, zh in _BY_VOLUME]
    return metered + solid + gas


CARRIERS: dict[str, Carrier] = {carrier.name: carrier for carrier in _carriers()}
FUELS: tuple[str, ...] = tuple(name for name, carrier in CARRIERS.items() if carrier.kind == "fuel")
