"""Ledger entries: posted once, taken back by a line with the negated amount."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from operator import attrgetter
from typing import NamedTuple

from shared.methodology import CARRIERS

ENERGY = "energy"
PROCESS = "process"
AVOIDED = "avoided"
PV = "pv_memo"
WATER = "water_memo"
OUTPUT = "output"
VALUE_ADDED = "value_added"
CATEGORIES = (ENERGY, PROCESS, AVOIDED, PV, WATER, OUTPUT, VALUE_ADDED)

# What was sold or is claimed back: that it was read says nothing of what was used.
TAKEN_BACK = tuple(name for name, carrier in CARRIERS.items() if carrier.sign < 0)

# What the total of an account is made of.
TOTALLED = (ENERGY, PROCESS, AVOIDED)

EXACT = Context(prec=100, rounding=ROUND_HALF_EVEN)
_PLACES = Decimal("1e-18")


class Entry(NamedTuple):
    """One line of an event in one month. `amount_mg` = `quantity` x `factor`, rounded.

    `factor` is in mg CO2e per `unit`. `reverses` is the line of the same event that it takes back,
    `caused_by` the event that made it so, `cause` posted, superseded, replaced, split or restated.
    """

    account: int
    event_key: bytes
    line: int
    caused_by: bytes
    month: date
    category: str
    asset_id: str | None
    meter_id: str | None
    activity: str
    quantity: Decimal
    unit: str
    factor: Decimal
    factor_id: str | None
    factor_set: str | None
    factor_version: str | None
    fallback: bool
    quality: str
    amount_mg: int
    reverses: int | None
    cause: str
    rule: str
    sequence: int
    posted_at: datetime


# What a line says of the emission; the others say when and why it was posted.
_SAID = [
    name
    for name in Entry._fields
    if name not in {"line", "caused_by", "reverses", "cause", "sequence", "posted_at"}
]
said = attrgetter(*_SAID)


def standing(entries: Iterable[Entry]) -> list[Entry]:
    """The lines of one event that no other line takes back."""
    lines = sorted(entries, key=lambda entry: entry.line)
    gone = {entry.reverses for entry in lines if entry.reverses is not None}
    return [e for e in lines if e.reverses is None and e.line not in gone]


def reversal(
    entry: Entry, line: int, caused_by: bytes, cause: str, sequence: int, posted_at: datetime
) -> Entry:
    """The line that takes `entry` back."""
    return entry._replace(
        line=line,
        caused_by=caused_by,
        quantity=entry.quantity.copy_negate(),
        amount_mg=-entry.amount_mg,
        reverses=entry.line,
        cause=cause,
        sequence=sequence,
        posted_at=posted_at,
    )


def split_quantity(total: Decimal, shares: Sequence[Fraction]) -> list[Decimal]:
    """A quantity in parts of 18 places; the last one takes the remainder: they sum exactly."""
    given, parts = Decimal(0), []
    for share in shares[:-1]:
        part = EXACT.quantize(decimal_of(Fraction(total) * share), _PLACES)
        given = EXACT.add(given, part)
        parts.append(part)
    return [*parts, EXACT.subtract(total, given)]


def rounded_quantities(parts: Sequence[Fraction]) -> list[Decimal]:
    """Quantities to 18 places; the last one takes the remainder: they sum to the whole."""
    given, rounded = Decimal(0), []
    for part in parts[:-1]:
        rounded.append(EXACT.quantize(decimal_of(part), _PLACES))
        given = EXACT.add(given, rounded[-1])
    return [*rounded, EXACT.subtract(decimal_of(sum(parts, Fraction(0)), 40), given)]


def decimal_of(value: Fraction, digits: int = 50) -> Decimal:
    """A fraction as a decimal, exact where it ends within `digits` digits."""
    context = Context(prec=digits, rounding=ROUND_HALF_EVEN)
    found = context.divide(Decimal(value.numerator), Decimal(value.denominator))
    return found
