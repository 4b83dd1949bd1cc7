"""The closed lists of words used in event data. A wrong word is refused with the list."""

from typing import Literal

MeterKind = Literal["interval", "register"]
MeterExchange = Literal["final", "initial"]
Quality = Literal["actual", "estimated", "substituted"]
FarmPathway = Literal["straw_return", "soil_carbon", "manure_utilisation", "emission"]
FarmSoil = Literal["HAC", "LAC", "sandy", "wetland"]
FarmLandUse = Literal["annual", "paddy", "perennial", "set_aside"]
FarmTillage = Literal["full", "reduced", "no_till"]
FarmInput = Literal["low", "medium", "high", "high_manure"]
FarmCrop = Literal["rice", "wheat"]
FarmAnimal = Literal["growing_pig"]
ManureSystem = Literal[
    "lagoon", "pit_long", "pit_short", "solid", "daily_spread", "dry_lot", "compost", "digester"
]
PaymentKind = Literal[
    "transfer",
    "bill_electricity",
    "bill_water",
    "bill_gas",
    "bill_telecom",
    "purchase",
    "statement",
    "social_insurance",
    "government_fee",
    "loan",
    "wealth",
    "bus_ride",
    "bike_ride",
    "walking",
    "toll_parking",
    "ev_charging",
    "electricity_saving",
    "donation",
]
Channel = Literal["online", "mobile", "qr", "nfc", "auto_debit", "partner", "counter", "atm"]
