"""Quantiles of what was measured."""

import math
from collections.abc import Mapping, Sequence

from benchmarks.report import Figure

PERCENT = (50, 95, 99)


def quantile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent of all don't exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1] if ordered else 0.0


def milliseconds(what: str, values: Sequence[float]) -> Mapping[str, Figure]:
    """p50, p95, p99 and the worst of times in ms."""
    named = {f"{what} p{percent}": quantile(values, percent) for percent in PERCENT}
    named[f"{what} worst"] = max(values, default=0.0)
    return {name: Figure(round(value, 1), "ms") for name, value in named.items()}
