"""Payments of bank customers: few hot days and scenarios, so that caps overflow all the time."""

from collections import Counter, deque
from datetime import date, datetime, timedelta
from hashlib import blake2b
from random import Random
from typing import Any

from tests.faults.supply.documents import (
    FIRST_DAY,
    LAST_DAY,
    OFFSET,
    YEAR,
    Document,
    decimal,
    document,
    elsewhere,
    midnight,
)

PAYMENT = "cn.tanzhang.payment.v1"
BANKS = ("jsrcb", "qzrcb", "abc", "ccb")

# Kind -> weight, and the range of its quantity with decimal places where it has one.
_KINDS: dict[str, tuple[int, tuple[float, float, int] | None]] = {
    "transfer": (16, None),
    "bill_electricity": (5, None),
    "bill_water": (5, None),
    "bill_gas": (4, None),
    "bill_telecom": (4, None),
    "purchase": (16, None),
    "statement": (5, None),
    "social_insurance": (3, None),
    "government_fee": (3, None),
    "loan": (4, None),
    "wealth": (4, None),
    "bus_ride": (8, None),
    "bike_ride": (7, (0.1, 16, 4)),
    "walking": (7, (200, 12_000, 2)),
    "toll_parking": (5, None),
    "ev_charging": (5, (2, 45, 5)),
    "electricity_saving": (6, (40, 700, 3)),
    "donation": (4, None),
}
_CHANNELS = {"online": 30, "mobile": 30, "qr": 14, "nfc": 8, "auto_debit": 6, "partner": 5}
_UNEARNING = {"counter": 5, "atm": 2}
_HOT_DAYS = (date(YEAR, 6, 30), date(YEAR, 7, 1), date(YEAR, 12, 31), date(YEAR + 1, 1, 1))
_HOT_DAY_SHARE, _HOT_CUSTOMER_SHARE, _EDGE_SHARE = 0.75, 0.6, 0.12
_REVERSED_SHARE, _REVERSAL_FIRST_SHARE = 0.06, 0.3
_HOT_CUSTOMERS, _REMEMBERED = 12, 400
_REFERRING_SHARE, _REPORTS = 0.3, 3


class Payments:
    """`next` gives what to send now, followed by what is to be held back for a while."""

    def __init__(self, seed: int, customers: int) -> None:
        self._chance = Random(f"{seed}:payments")
        self._accounts = [_account(seed, index) for index in range(customers)]
        self._made = 0
        self._references = Random(f"{seed}:references")
        self._referring: Counter[str] = Counter()
        # What may still be reversed, and what was, with its reversal.
        self._open: deque[Document] = deque(maxlen=_REMEMBERED)
        self._reversals: deque[tuple[Document, Document]] = deque(maxlen=_REMEMBERED)

    def next(self) -> list[Document]:
        drawn = self._chance.random()
        if drawn >= _REVERSED_SHARE or not self._open:
            self._open.append(self._payment())
            return [self._open[-1]]
        if self._chance.random() < _REVERSAL_FIRST_SHARE:
            late = self._payment()
            return [self._reversal(late), late]
        target = self._open[self._chance.randrange(len(self._open))]
        self._open.remove(target)
        reversal = self._reversal(target)
        self._reversals.append((target, reversal))
        return [reversal]

    def refused(self) -> Document | None:
        """A second reversal of a payment, or the reversal of a reversal."""
        if not self._reversals:
            return None
        pair = self._reversals[self._chance.randrange(len(self._reversals))]
        return self._reversal(self._chance.choice(pair))

    def _payment(self) -> Document:
        chance = self._chance
        kind = chance.choices(list(_KINDS), [weight for weight, _ in _KINDS.values()])[0]
        data = {"kind": kind, "channel": self._channel(), "currency": "CNY"}
        data |= {"amount": decimal(chance, 0.5, 900, 2)} | self._reference(kind)
        figures = _KINDS[kind][1]
        if figures is not None:
            data["quantity"] = decimal(chance, *figures)
        at = self._bill_time() if kind == "electricity_saving" else self._time()
        return self._document(self._account_of_some(), at, data)

    def _reference(self, kind: str) -> dict[str, str]:
        """What some payments refer to: a few of a kind, of any accounts, report one behaviour."""
        if self._references.random() >= _REFERRING_SHARE:
            return {}
        self._referring[kind] += 1
        return {"channel_ref": f"{kind}-{self._referring[kind] // _REPORTS}"}

    def _reversal(self, target: Document) -> Document:
        data = target["data"] | {"reverses": target["id"]}
        at = datetime.fromisoformat(target["time"])
        at += timedelta(minutes=self._chance.randrange(1, 3000))
        return self._document(target["subject"], at, data)

    def _document(self, account: str, at: datetime, data: dict[str, Any]) -> Document:
        self._made += 1
        bank, _, token = account.partition(":")
        at = elsewhere(at, self._chance)
        return document(PAYMENT, bank, f"{token}-{self._made}", account, at, data)

    def _account_of_some(self) -> str:
        is_hot = self._chance.random() < _HOT_CUSTOMER_SHARE
        among = min(_HOT_CUSTOMERS, len(self._accounts)) if is_hot else len(self._accounts)
        return self._accounts[self._chance.randrange(among)]

    def _channel(self) -> str:
        channels = _CHANNELS | _UNEARNING
        return self._chance.choices(list(channels), list(channels.values()))[0]

    def _time(self) -> datetime:
        chance = self._chance
        if chance.random() < _HOT_DAY_SHARE:
            start = midnight(chance.choice(_HOT_DAYS))
        else:
            days = (LAST_DAY - FIRST_DAY).days
            start = midnight(FIRST_DAY + timedelta(days=chance.randrange(days)))
        if chance.random() < _EDGE_SHARE:
            # The last and the first minute of the city's day, and its midnight.
            seconds = chance.choice(
                (0, chance.randrange(60), 86_340 + chance.randrange(60), 86_399)
            )
            return start + timedelta(seconds=seconds)
        # Coarse: several payments of a day at the same second are ordered by their keys.
        return start + timedelta(seconds=chance.randrange(0, 86_400, 600))

    def _bill_time(self) -> datetime:
        """A household's month and the same month of the next year, for few months."""
        chance = self._chance
        year, month = chance.choice((YEAR - 1, YEAR, YEAR, YEAR + 1)), chance.choice((1, 2, 6, 12))
        if year > YEAR:
            month = min(month, 2)
        at = datetime(year, month, chance.choice((1, 15, 28)), tzinfo=OFFSET)
        return at + timedelta(seconds=chance.randrange(86_400))


def _account(seed: int, index: int) -> str:
    """`<bank>:<token>`; a token of letters only, that resembles no number of a person."""
    digest = blake2b(f"{seed}:customer:{index}".encode(), digest_size=8).hexdigest()
    return (
        f"{BANKS[index % len(BANKS)]}:{digest.translate(str.maketrans('0123456789', 'ghijklmnop'))}"
    )
