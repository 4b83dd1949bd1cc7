"""Farms of one type and year beside each other: how much they neutralise for their size."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from shared.events.types import AgriAccount
from shared.methodology import AgriRule
from shared.units.calendar import days_in_year

HECTARE = "ha"
# What figures are per, in English and Chinese.
UNIT_NAMES = {"ha": ("ha", "公顷"), "100_heads": ("100 heads", "百头")}


@dataclass(slots=True, frozen=True)
class FarmPeers:
    """The cut points of a type's peers in a year, in t neutralised per `per`.

    Taken once and kept as a version, so that a label never depends on which farm came first. The
    cuts are exact fractions as text, None without farms.
    """

    year: int
    type: str
    version: int
    per: str
    farms: int
    medium: str | None
    deep: str | None
    taken_at: datetime

    @property
    def id(self) -> str:
        """Type, year and version in one word."""
        return f"{self.type}/{self.year}#{self.version}"

    def says(self, other: "FarmPeers") -> bool:
        """Whether it has the same cuts of as many farms, whichever version it is."""
        return self._figures() == other._figures()

    def colour(self, figure: Fraction) -> str:
        """Deep from the upper cut, medium from the lower one, light above zero."""
        assert self.medium is not None and self.deep is not None
        if figure >= Fraction(self.deep):
            return "deep_green"
        return "medium_green" if figure >= Fraction(self.medium) else "light_green"

    def _figures(self) -> tuple[object, ...]:
        return (self.year, self.type, self.per, self.farms, self.medium, self.deep)


def size(account: AgriAccount, per: str) -> Fraction | None:
    """Hectares, or hundreds of heads on an average day; None when its records name none."""
    if per == HECTARE:
        return Fraction(account.area_ha or 0) or None
    herd = Fraction(account.head_days or 0) / days_in_year(account.year)
    return herd / 100 or None


def figure(account: AgriAccount, per: str) -> Fraction | None:
    """t CO2e neutralised per unit of size, unrounded; None without a size."""
    found = size(account, per)
    return None if found is None else Fraction(account.neutralised_t) / found


def taken(
    accounts: Iterable[AgriAccount], rule: AgriRule, named: tuple[int, str], now: datetime
) -> FarmPeers:
    """The peers of a (year, type) as its accounts stand: those that neutralise and have a size."""
    year, type = named
    per = rule.peer_per[type]
    figures = (figure(account, per) for account in accounts)
    known = sorted(found for found in figures if found is not None and found > 0)
    medium, deep = (
        str(percentile(known, Fraction(share))) if known else None
        for share in (rule.peer_medium_green, rule.peer_deep_green)
    )
    return FarmPeers(year, type, 0, per, len(known), medium, deep, now)


def percentile(ordered: list[Fraction], share: Fraction) -> Fraction:
    """The value below which a share lies, exact between neighbours (the usual linear one)."""
    at = share * (len(ordered) - 1)
    below = int(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (at - below) * (ordered[above] - ordered[below])
