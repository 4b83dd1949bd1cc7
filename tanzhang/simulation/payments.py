"""Simulated bank customers: their payments of a year, in and out of the ordinary."""

from array import array
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from random import Random
from typing import Any

from tanzhang.cloudevents import CloudEvent, cloud_event
from tanzhang.simulation.calendar import OFFSET
from tanzhang.simulation.catalogue import BANKS

_PAYMENT_TYPE = "cn.tanzhang.payment.v1"
# Kind -> share of the payments (per mille), and share of each channel.
_KINDS: dict[str, tuple[int, dict[str, int]]] = {
    "transfer": (220, {"online": 35, "mobile": 50, "counter": 12, "atm": 3}),
    "purchase": (255, {"qr": 70, "nfc": 10, "mobile": 10, "counter": 5, "online": 5}),
    "bill_electricity": (60, {"auto_debit": 50, "mobile": 35, "counter": 15}),
    "bill_water": (40, {"auto_debit": 50, "mobile": 35, "counter": 15}),
    "bill_gas": (30, {"auto_debit": 40, "mobile": 45, "counter": 15}),
    "bill_telecom": (50, {"auto_debit": 30, "mobile": 65, "counter": 5}),
    "statement": (40, {"online": 40, "mobile": 60}),
    "social_insurance": (30, {"mobile": 70, "online": 15, "counter": 15}),
    "government_fee": (20, {"mobile": 50, "online": 30, "counter": 20}),
    "loan": (4, {"mobile": 60, "counter": 40}),
    "wealth": (20, {"mobile": 80, "counter": 20}),
    "bus_ride": (80, {"qr": 60, "nfc": 40}),
    "bike_ride": (30, {"partner": 60, "qr": 40}),
    "walking": (50, {"partner": 100}),
    "toll_parking": (40, {"auto_debit": 100}),
    "ev_charging": (15, {"partner": 50, "qr": 50}),
    "electricity_saving": (6, {"partner": 100}),
    "donation": (10, {"mobile": 70, "online": 30}),
}
_NAMES = tuple(_KINDS)
_SHARES = tuple(share for share, _ in _KINDS.values())
# How many payments on one day go over each cap.
_OVER_CAP = {
    "transfer": 23, "purchase": 28, "bill_electricity": 5, "bill_telecom": 6,
    "bus_ride": 8, "loan": 2, "donation": 3, "statement": 4, "toll_parking": 6,
}  # fmt: skip
# Merchant category codes of purchases: shops, and what counts as another scenario or not at all.
_MERCHANTS = {
    "5411": 40, "5812": 25, "5912": 10, "5311": 10,
    "4131": 6, "7523": 4, "4814": 2, "8398": 1, "9311": 1, "6011": 1,
}  # fmt: skip
_BURST_SHARE = 0.3
_REVERSED = {"transfer": 0.01, "purchase": 0.015, "wealth": 0.02, "bus_ride": 0.005}
_DIGITS_TO_LETTERS = str.maketrans("0123456789", "ghijklmnop")


def payment_counts(seed: int, customers: int, payments: int) -> "array[int]":
    """How many payments each customer makes; they sum to `payments`.

    Everybody pays at least once where there are enough payments; the rest goes to few.
    """
    chance = Random(f"{seed}:counts")
    counts = array("I", bytes(4 * customers))
    for index in range(min(customers, payments)):
        counts[index] = 1
    for _ in range(payments - customers):
        counts[int(customers * chance.random() ** 3)] += 1
    return counts


def account_id(seed: int, index: int) -> str:
    """`<bank>:<token>`; the token is opaque and without digits, so that it resembles no number."""
    bank = Random(f"{seed}:bank:{index}").choices(list(BANKS), list(BANKS.values()))[0]
    token = blake2b(f"{seed}:customer:{index}".encode(), digest_size=10).hexdigest()
    return f"{bank}:{token.translate(_DIGITS_TO_LETTERS)}"


def customer_events(seed: int, index: int, count: int, year: int) -> Iterator[CloudEvent]:
    """Exactly `count` events of one customer, reversals included, in no particular order."""
    if not count:
        return
    account = account_id(seed, index)
    bank, _, token = account.partition(":")
    chance = Random(f"{seed}:payments:{index}")
    for number, (at, data) in enumerate(_payments(chance, token, count, year), 1):
        zone = UTC if chance.random() < 0.2 else OFFSET
        yield cloud_event(
            _PAYMENT_TYPE,
            source=bank,
            id=f"{token}-{number}",
            subject=account,
            time=at.astimezone(zone),
            data=data,
        )


def _payments(
    chance: Random, token: str, count: int, year: int
) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """(time, data) in the order of their numbers: what is reversed comes before its reversal."""
    number = 0
    saved_months = set(range(1, 13))
    burst = chance.choice(list(_OVER_CAP)) if chance.random() < _BURST_SHARE else None
    if burst is not None and count > _OVER_CAP[burst]:
        day = _moment(chance, year)
        for _ in range(_OVER_CAP[burst]):
            number += 1
            yield _same_day(chance, day), _payment(chance, burst)
    while number < count:
        kind = chance.choices(_NAMES, _SHARES)[0]
        if kind == "electricity_saving":
            if count - number < 2 or not saved_months:
                continue
            month = chance.choice(sorted(saved_months))
            saved_months.remove(month)
            number += 2
            yield from _saving(chance, year, month)
            continue
        at, data = _moment(chance, year), _payment(chance, kind)
        number += 1
        yield at, data
        if number < count and chance.random() < _REVERSED.get(kind, 0):
            reversal = {**data, "reverses": f"{token}-{number}"}
            number += 1
            yield at + timedelta(minutes=chance.randrange(1, 4320)), reversal


def _moment(chance: Random, year: int) -> datetime:
    start = datetime(year, 1, 1, tzinfo=OFFSET)
    seconds = int((datetime(year + 1, 1, 1, tzinfo=OFFSET) - start).total_seconds())
    return start + timedelta(seconds=chance.randrange(seconds))


def _same_day(chance: Random, day: datetime) -> datetime:
    midnight = day.replace(hour=0, minute=0, second=0)
    return midnight + timedelta(seconds=chance.randrange(86_400))


def _payment(chance: Random, kind: str) -> dict[str, Any]:
    channels = _KINDS[kind][1]
    data: dict[str, Any] = {
        "kind": kind,
        "channel": chance.choices(list(channels), list(channels.values()))[0],
        "amount": f"{chance.lognormvariate(3.5, 1.2):.2f}",
        "currency": "CNY",
    }
    if kind == "purchase":
        data["mcc"] = chance.choices(list(_MERCHANTS), list(_MERCHANTS.values()))[0]
    elif kind == "bike_ride":
        data["quantity"] = f"{chance.uniform(0.5, 24):.1f}"
    elif kind == "walking":
        data["quantity"] = str(chance.randrange(800, 22_000))
    elif kind == "ev_charging":
        data["quantity"] = f"{chance.uniform(5, 75):.2f}"
    return data


def _saving(chance: Random, year: int, month: int) -> list[tuple[datetime, dict[str, Any]]]:
    """The month's consumption of last year and of this one; some rise, some fall beyond the cap."""
    before = chance.uniform(120, 900)
    found = []
    for when, used in ((year - 1, before), (year, before * chance.uniform(0.4, 1.15))):
        data = {
            "kind": "electricity_saving",
            "channel": "partner",
            "amount": "0",
            "currency": "CNY",
            "quantity": f"{used:.2f}",
        }
        day, second = chance.randrange(1, 29), chance.randrange(86_400)
        at = datetime(when, month, day, tzinfo=OFFSET) + timedelta(seconds=second)
        found.append((at, data))
    return found
