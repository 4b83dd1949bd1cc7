"""What the payments of the city must add up to, computed from the events alone.

Written against the methodology and nothing else, so that it can contradict the services:
factor x min(what is not reversed, cap) per account, scenario and local day.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from tanzhang.cloudevents import CloudEvent

# Kind of payment -> scenario, milligrams per unit, units per account and local day.
_SCENARIOS: dict[str, tuple[str, int, int]] = {
    "transfer": ("ONLINE_TRANSFER", 23_096, 20),
    "bill_electricity": ("BILL_ELECTRICITY", 23_096, 3),
    "bill_water": ("BILL_WATER", 23_096, 3),
    "bill_gas": ("BILL_GAS", 23_096, 3),
    "bill_telecom": ("BILL_TELECOM", 23_096, 5),
    "purchase": ("MOBILE_PAY", 4_355, 20),
    "statement": ("E_STATEMENT", 24_000, 3),
    "social_insurance": ("SOCIAL_INSURANCE", 46_192, 3),
    "government_fee": ("GOV_FEE", 46_192, 3),
    "loan": ("ONLINE_LOAN", 461_920, 1),
    "wealth": ("ONLINE_WEALTH", 46_192, 5),
    "bus_ride": ("BUS_RIDE", 98_000, 6),
    "bike_ride": ("BIKE_RIDE", 43_000, 20),
    "walking": ("WALKING", 20, 15_000),
    "toll_parking": ("ETC_PARKING", 23_000, 4),
    "ev_charging": ("EV_CHARGING", 480_000, 60),
    "donation": ("PUBLIC_WELFARE", 23_096, 2),
}
# Merchant category code of a purchase -> the kind as which it counts; cash counts as none.
_MERCHANTS: dict[str, str | None] = {
    "4131": "bus_ride",
    "4814": "bill_telecom",
    "6011": None,
    "7523": "toll_parking",
    "8398": "donation",
    "9311": "government_fee",
}
_MEASURED = frozenset({"bike_ride", "walking", "ev_charging"})
_SAVING = ("ELECTRICITY_SAVING", 515_300, 300)
_BEIJING_TIME = timezone(timedelta(hours=8))


@dataclass(slots=True)
class PaymentTotals:
    """Milligrams by scenario; `accounts` posted anything, `credited` of them saved something."""

    mg: Counter[str] = field(default_factory=Counter)
    accounts: int = 0
    credited: int = 0

    @property
    def total_mg(self) -> int:
        return sum(self.mg.values())

    def add(self, account_mg: Counter[str]) -> None:
        """One more account."""
        self.mg += account_mg
        self.accounts += 1
        self.credited += 1 if sum(account_mg.values()) else 0


def account_mg(events: Iterable[CloudEvent]) -> Counter[str]:
    """Milligrams by scenario of one account, whatever the order and repetition of its events."""
    once = {(event["source"], event["id"]): event for event in events}
    reversed_ids = {event["data"].get("reverses") for event in once.values()}
    units: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    used: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    for event in once.values():
        data = event["data"]
        kind = _kind(data)
        if event["id"] in reversed_ids or "reverses" in data or not _earns(kind, data["channel"]):
            continue
        at = datetime.fromisoformat(event["time"]).astimezone(_BEIJING_TIME)
        if kind == "electricity_saving":
            used[at.year, at.month] += Decimal(data["quantity"])
        else:
            amount = Decimal(data["quantity"]) if kind in _MEASURED else Decimal(1)
            units[kind, at.date().isoformat()] += amount
    return _capped(units) + _saved(used)


def _kind(data: dict[str, str]) -> str:
    """As what a payment counts; empty when it is none of the scenarios."""
    if data["kind"] == "purchase" and data.get("mcc") in _MERCHANTS:
        return _MERCHANTS[data["mcc"]] or ""
    return data["kind"]


def _earns(kind: str, channel: str) -> bool:
    if kind == "purchase":
        return channel in ("qr", "nfc", "mobile")
    return bool(kind) and channel not in ("counter", "atm")


def _capped(units: dict[tuple[str, str], Decimal]) -> Counter[str]:
    mg: Counter[str] = Counter()
    for (kind, _), amount in units.items():
        scenario, factor, cap = _SCENARIOS[kind]
        mg[scenario] += round(factor * min(amount, Decimal(cap)))
    return mg


def _saved(used: dict[tuple[int, int], Decimal]) -> Counter[str]:
    scenario, factor, cap = _SAVING
    mg: Counter[str] = Counter()
    for (year, month), amount in used.items():
        before = used.get((year - 1, month))
        if before is not None and before > amount:
            mg[scenario] += round(factor * min(before - amount, Decimal(cap)))
    return mg
