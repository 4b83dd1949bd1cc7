"""Points as double entry. Pure; integer milli-points (1 g saved is 1 point, so 1 mg is 1).

Accounts of a posting: `member` (what a person has), `claim` (what a person owes after a reversal
of points already spent), and the system's `issuance`, `redemption` and `expiry`.
"""

from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple

from shared.methodology import methodology

Ledger = Literal["member", "claim", "issuance", "redemption", "expiry"]
PLACES = 3
TIERS = ("none", "light", "medium", "deep")


class Movement(NamedTuple):
    """Milli-points, always positive, from one ledger account to another."""

    source: Ledger
    target: Ledger
    points: int


def milli(points: Decimal) -> int:
    """Milli-points of an amount with at most 3 places; ValueError when it has more."""
    scaled = points.scaleb(PLACES)
    if scaled != scaled.to_integral_value():
        raise ValueError(f"expected at most 3 places, got {points}")
    return int(scaled)


def credited(points: int, claim: int, source: Ledger = "issuance") -> list[Movement]:
    """A credit settles an open claim first; the rest is the member's."""
    settled = min(points, claim)
    return _moves((source, "claim", settled), (source, "member", points - settled))


def reversed_(points: int, balance: int) -> list[Movement]:
    """Take back what was credited; what the member has spent already becomes a claim."""
    taken = min(points, balance)
    return _moves(("member", "issuance", taken), ("claim", "issuance", points - taken))


def redeemed(points: int) -> list[Movement]:
    """Points for a reward."""
    return _moves(("member", "redemption", points))


def expired(points: int) -> list[Movement]:
    """Points whose time is over."""
    return _moves(("member", "expiry", points))


def change(movements: list[Movement], ledger: Ledger) -> int:
    """What movements add to a ledger account."""
    changed = 0
    for source, target, points in movements:
        changed += points * ((target == ledger) - (source == ledger))
    return changed


def tier(trailing_milligrams: int) -> str:
    """The loan-rating tier of what was saved in the trailing 12 months."""
    rule = methodology().label_rules("personal")
    grams = Decimal(trailing_milligrams).scaleb(-3)
    for name, least in (("deep", rule.deep), ("medium", rule.medium), ("light", rule.light)):
        if grams >= least:
            return name
    return "none"


def year_before(at: datetime) -> datetime:
    """Where the trailing 12 months begin."""
    day = 28 if (at.month, at.day) == (2, 29) else at.day
    return at.replace(year=at.year - 1, day=day)


def _moves(*moves: tuple[Ledger, Ledger, int]) -> list[Movement]:
    return [Movement(*move) for move in moves if move[2] > 0]
