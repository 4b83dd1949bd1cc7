"""The figures of the methodology that the workload needs, typed again; places as in its headings."""

from fractions import Fraction as F

MG_PER_T, MG_PER_G = 10**9, 1000
CO2_PER_C, N2O_PER_N = F(44, 12), F(44, 28)
# 1.4, GWP sets: AR5.
GWP_CH4, GWP_N2O = 28, 265

# 1.1 (set A) and 1.2 (set B): NCV x CC x OF x 44/12, t CO2 per t or per 10^4 Nm3.
DIESEL = {
    "A": F("42.652") * F("0.0202") * F("0.98") * CO2_PER_C,
    "B": F("43.33") * F("0.0202") * F("0.98") * CO2_PER_C,
}
# The same in both sets.
NATURAL_GAS = F("389.31") * F("0.0153") * F("0.99") * CO2_PER_C
# 1.2, default mapping: divisions of GB/T 4754 that take set A.
SET_A = {"17", "22", "30", "31", "32", "33", "34", "35", "36", "37", "38", "39", "40", "44"}
# 1.3: year -> t CO2 per MWh; years before the region's first take the national one.
ZHEJIANG = {2021: F("0.5422"), 2022: F("0.5153")}
HEAT_T_PER_GJ = F("0.11")

# 1.4: t CO2e per t of the activity.
ACTIVITIES = {
    "carbonate.CaCO3": ("process", F("0.4397")),
    "carbonate.CaMg(CO3)2": ("process", F("0.4773")),
    "nitric_acid.medium_pressure": ("process", F("0.0118") * GWP_N2O),
    "direct.co2": ("process", F(1)),
    "direct.avoided_co2": ("avoided", F(1)),
    "direct.energy_co2": ("energy", F(1)),
}

# DESIGN 4: units in their dimension's reference (GJ, Nm3 or t).
UNITS = {
    "kWh": F("0.0036"),
    "MWh": F("3.6"),
    "GJ": F(1),
    "Nm3": F(1),
    "1e4Nm3": F(10_000),
    "m3": F("273.15") / F("293.15"),
    "kg": F("0.001"),
    "t": F(1),
}
DIMENSIONS = (("kWh", "MWh", "GJ"), ("Nm3", "1e4Nm3", "m3"), ("kg", "t"))

# 4.2: kind -> grams, daily cap in the scenario's unit (17: monthly), and whether that is a quantity.
SCENARIOS: dict[str, tuple[F, int, bool]] = {
    "transfer": (F("23.096"), 20, False),
    "bill_electricity": (F("23.096"), 3, False),
    "bill_water": (F("23.096"), 3, False),
    "bill_gas": (F("23.096"), 3, False),
    "bill_telecom": (F("23.096"), 5, False),
    "purchase": (F("4.355"), 20, False),
    "statement": (F("24.000"), 3, False),
    "social_insurance": (F("46.192"), 3, False),
    "government_fee": (F("46.192"), 3, False),
    "loan": (F("461.920"), 1, False),
    "wealth": (F("46.192"), 5, False),
    "bus_ride": (F("98.000"), 6, False),
    "bike_ride": (F("43.000"), 20, True),
    "walking": (F("0.020"), 15_000, True),
    "toll_parking": (F("23.000"), 4, False),
    "ev_charging": (F("480.000"), 60, True),
    "electricity_saving": (F("515.300"), 300, True),
    "donation": (F("23.096"), 2, False),
}
# DESIGN 4, payments.
UNEARNING_CHANNELS = {"counter", "atm"}
PURCHASE_CHANNELS = {"qr", "nfc", "mobile"}

# 3.2, 2019 refinement.
SOC_REF = {"HAC": F(64), "LAC": F(55), "sandy": F(36), "wetland": F(135)}
LAND_USE = {"annual": F("0.69"), "paddy": F("1.35"), "perennial": F("0.72"), "set_aside": F("0.82")}
TILLAGE = {"full": F(1), "reduced": F("1.05"), "no_till": F("1.10")}
INPUT = {"low": F("0.92"), "medium": F(1), "high": F("1.11"), "high_manure": F("1.44")}
# 3.2, growing pigs of high productivity: VS = rate x weight / 1000 (kg per head and day), N alike.
PIG_VS, PIG_N = F("4.3") * 69 / 1000, F("0.54") * 69 / 1000
# 3.2: g CH4 per kg VS, and EF3 (3.2, default edition: lagoon and daily spread 0, dry lot 0.02).
MANURE = {
    "lagoon": (F("220.1"), F(0)),
    "pit_long": (F("116.6"), F("0.002")),
    "pit_short": (F("39.2"), F("0.002")),
    "solid": (F("12.1"), F("0.010")),
    "daily_spread": (F("1.5"), F(0)),
    "dry_lot": (F("4.5"), F("0.02")),
    "digester": (F("6.8"), F("0.0006")),
}
# 3.2, straw: the South pair; 3.3 P1: cap in t per ha.
STRAW_SLOPE, STRAW_INTERCEPT, STRAW_CAP = F("43.548"), F("375.1"), F(15)
# 3.2, N2O from soils: EF1 synthetic wet + FracGASF x EF4 wet + FracLEACH x EF5, kg N2O-N per kg N.
FERTILISER_N = F("0.016") + F("0.11") * F("0.014") + F("0.24") * F("0.011")
# 3.2, provincial inventory: kg CH4 per pig and year.
ENTERIC_PIG = F(1)


def grid(year: int) -> F:
    """1.3: the region's latest factor up to the year."""
    return ZHEJIANG[max(known for known in ZHEJIANG if known <= year)]


def converted(value: F, unit: str, to: str) -> F | None:
    """A value in another unit; None when the two measure different things."""
    if not any(unit in kind and to in kind for kind in DIMENSIONS):
        return None
    return value * UNITS[unit] / UNITS[to]
