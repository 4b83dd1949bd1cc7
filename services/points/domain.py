"""Points as double entry. Pure; integer milli-points (1 g saved is 1 point, so 1 mg is 1).

Accounts of a posting: `member` (what a person has), `claim` (what a person owes after a reversal
of points already spent), and the system's `issuance`, `redemption` and `expiry`.
"""

from calendar import monthrange
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from math import ceil
from typing import Literal, NamedTuple

from shared.methodology import methodology
from shared.units.amount import MG_PER_G
from shared.units.calendar import CITY, Zone, local_date, midnight

Ledger = Literal["member", "claim", "issuance", "redemption", "expiry"]
PLACES = 3
TIERS = ("none", "light", "medium", "deep")
DAY = timedelta(days=1)
Years = Mapping[int, int]  # milli-points by year


class Moment(NamedTuple):
    """An instant, and where the city's days begin."""

    now: datetime
    zone: Zone = CITY

    @property
    def today(self) -> date:
        return local_date(self.now, self.zone)

    def begin(self, day: date) -> datetime:
        """The instant at which a day begins."""
        return midnight(day, self.zone)


class Movement(NamedTuple):
    """Milli-points, always positive, from one ledger account to another."""

    source: Ledger
    target: Ledger
    points: int


def milli(points: Decimal) -> int:
    """Milli-points of an amount with at most 3 places; ValueError when it has more."""
    found = int(points.scaleb(PLACES))
    # Compared as it came: scaling rounds to the digits of the context.
    if Decimal(found).scaleb(-PLACES) != points:
        raise ValueError(f"expected at most 3 places, got {points}")
    return found


def credited(points: int, claim: int, source: Ledger = "issuance") -> list[Movement]:
    """A credit settles an open claim first; the rest is the member's."""
    settled = min(points, claim)
    return _moves((source, "claim", settled), (source, "member", points - settled))


def reversed_(points: int, balance: int, expired: int = 0) -> list[Movement]:
    """Take back what was credited; what the member has spent already becomes a claim.

    `expired` of them are gone already: nobody owes what nobody has had.
    """
    left = points - expired
    taken = min(left, balance)
    return _moves(
        ("expiry", "issuance", expired),
        ("member", "issuance", taken),
        ("claim", "issuance", left - taken),
    )


def redeemed(points: int) -> list[Movement]:
    """Points for a reward."""
    return _moves(("member", "redemption", points))


def expired(points: int, balance: int) -> list[Movement]:
    """Points whose time is over; those that have settled a claim leave it open again."""
    taken = min(points, balance)
    return _moves(("member", "expiry", taken), ("claim", "expiry", points - taken))


def lots(changes: Years) -> dict[int, int]:
    """What is left of one behaviour's credits, by the year in which they were posted.

    `changes`: what credits less reversals of a year came to. A reversal takes the newest credit.
    """
    years = sorted(changes)
    sums = list(accumulate(changes[year] for year in years))
    # What was there after a year and is there still: the least that there ever was since.
    kept = list(accumulate(reversed(sums), min))[::-1]
    return {year: now - before for year, now, before in zip(years, kept, [0, *kept], strict=False)}


def expired_by(lots: Years, spent: Years, year: int, announced: Collection[int]) -> int:
    """What has expired in all when `year` begins; points are good until the end of the next year.

    `announced` are the years whose beginning the member was told of in time: without that points
    are good until the next such. First in, first out: `spent` in the years until then were the
    oldest points. What was reversed or returned is in neither, as if it had never been, so that
    its order does not matter.
    """
    most = credited = 0
    for begun in sorted(lots):
        credited += lots[begun]
        end = min((when for when in announced if begun + 2 <= when <= year), default=None)
        if end is not None:
            used = sum(points for when, points in spent.items() if when < end)
            most = max(most, credited - used)
    return most


def change(movements: list[Movement], ledger: Ledger) -> int:
    """What movements add to a ledger account."""
    changed = 0
    for source, target, points in movements:
        changed += points * ((target == ledger) - (source == ledger))
    return changed


def tier(trailing_milligrams: int, today: date = date.max) -> str:
    """The loan-rating tier of what was saved in the trailing 12 months."""
    found = [name for name, least in limits(today).items() if trailing_milligrams >= least]
    return found[0] if found else TIERS[0]


def limits(today: date = date.max) -> dict[str, int]:
    """The least milligrams of each tier, the best first."""
    rule = methodology().label_rules("personal", on=today)
    grams = {"deep": rule.deep, "medium": rule.medium, "light": rule.light}
    return {name: ceil(least * MG_PER_G) for name, least in grams.items()}


def limits_since(today: date) -> date:
    """The day from which the rule of a day holds."""
    return methodology().rules_since(today)


def trailing_since(today: date) -> date:
    """The first day of the trailing 12 months, which end with `today`."""
    return _moved(today, -trailing_months(today), early=True) + DAY


def counts_until(day: date) -> date:
    """The first day on which what was saved on `day` no longer counts."""
    return _moved(day, trailing_months(day), early=False)


def trailing_months(day: date = date.max) -> int:
    """How many months count for a tier."""
    return methodology().label_rules("personal", on=day).trailing_months


def _moved(day: date, months: int, *, early: bool) -> date:
    """Months later or earlier; where a month is too short, its last day or the next one's first."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = monthrange(year, month + 1)[1]
    moved = date(year, month + 1, min(day.day, last))
    return moved if early or day.day <= last else moved + DAY


def _moves(*moves: tuple[Ledger, Ledger, int]) -> list[Movement]:
    return [Movement(*move) for move in moves if move[2] > 0]
