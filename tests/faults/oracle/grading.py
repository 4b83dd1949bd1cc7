"""The word of every label (METHODOLOGY 2.2 and 3.5, DESIGN 6)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from tests.faults.oracle.industrial import Month

_COLOURS = ("deep_green", "light_green", "yellow")


def industrial_label(
    months: Sequence[Month], year: int, benchmark: Mapping[str, Any] | None, today: date
) -> str:
    """By the enterprise's months of a year; `benchmark` is a registered body."""
    output = sum((month.output for month in months), Fraction(0))
    energy = sum(month.used > 0 for month in months)
    reports = sum(month.reports > 0 for month in months)
    # A past year: 11 of 12 months; the running one: every month that has gone by, one at least.
    needed = 11 if year < today.year else max(today.month - 1, 1)
    if benchmark is None or output <= 0 or min(energy, reports) < needed:
        return "ungraded"
    tonnes = Fraction(sum(month.total for month in months), 10**9)
    ratio = tonnes / output / Fraction(benchmark["benchmark"])
    cuts = [Fraction(benchmark["cuts"][colour]) for colour in _COLOURS]
    colour = next((c for c, cut in zip(_COLOURS, cuts, strict=True) if ratio <= cut), "red")
    is_measured = any(month.quality["actual"] for month in months)
    return "light_green" if colour == "deep_green" and not is_measured else colour


def benchmark_of(
    benchmarks: Iterable[tuple[str, int, Mapping[str, Any]]], sector: str, product: str, year: int
) -> Mapping[str, Any] | None:
    """The benchmark of the latest year up to the account's; (sector, year, body) of each."""
    held = [
        (since, body)
        for code, since, body in benchmarks
        if code == sector and body["product"] == product and since <= year
    ]
    return max(held, key=lambda found: found[0])[1] if held else None


def agri_label(neutralised: int, gross: int) -> str:
    if gross <= 0 or neutralised <= 0:
        return "ungraded"
    ratio = Fraction(neutralised, gross)
    if ratio >= 1:
        return "deep_green"
    return "medium_green" if ratio >= Fraction(1, 2) else "light_green"
