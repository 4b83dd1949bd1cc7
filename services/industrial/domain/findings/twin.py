"""A line that emits more per unit of output than another one with the same product."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from fractions import Fraction

from services.industrial.domain.findings.finding import (
    Finding,
    Given,
    Level,
    Rule,
    Scope,
    confident,
)
from services.industrial.domain.findings.profile import worth
from services.industrial.domain.lines import MEANINGFUL, Line
from shared.units.amount import MG_PER_T, ratio_text, tonnes_text

KIND = "twin_line"
MONTHS_MIN = 3
FORMULA = {
    "en": "(t CO2e per unit of output of the line minus that of the best line with the same "
    "product and unit that makes at least half as much a month) x output of the line, over months "
    "with output and emissions",
    "zh": "(本产线单位产量排放 − 同产品同单位且月产量不低于其一半的最优产线单位产量排放) "
    "× 本产线产量,仅计有产量且有排放的月份",
}

Key = tuple[str | None, str, str]


def find(given: Given) -> Iterator[Finding]:
    """One for each line that does worse than the best of its kind."""
    twins: dict[Key, list[Line]] = defaultdict(list)
    for line in given.lines:
        measured = line.measured()
        if len(measured.months) >= MONTHS_MIN:
            twins[line.kind, line.product, line.unit].append(measured)
    for lines in twins.values():
        for line in lines:
            alike = [one for one in lines if _a_month(one) >= MEANINGFUL * _a_month(line)]
            best = min(alike, key=lambda one: (one.intensity, one.asset_id))
            if worth(line.intensity, best.intensity):
                yield _finding(given, line, best, lines)


def level(given: Given, scope: Scope) -> Level | None:
    """The intensity of the line, over its output."""
    line = next((line.measured() for line in given.lines if line.asset_id == scope.asset_id), None)
    return Level(line.intensity, line.output) if line and line.months else None


def _a_month(line: Line) -> Fraction:
    return line.output / len(line.months)


def _finding(given: Given, line: Line, best: Line, lines: Sequence[Line]) -> Finding:
    tonnes = Fraction(line.amount_mg, MG_PER_T)
    more = f"{float(line.intensity / best.intensity - 1):.0%}"
    return Finding(
        KIND,
        Scope(line.asset_id, None, None, line.unit),
        line.intensity,
        f"t/{line.unit}",
        best.intensity,
        (line.intensity - best.intensity) * line.output,
        "t",
        Fraction(MG_PER_T),
        None if line.yuan is None else line.yuan / tonnes,
        confident(min(len(one.months) for one in (line, best)), 9, 6),
        given.first,
        given.until - timedelta(days=1),
        {"twin": best.asset_id, "product": line.product, "output": ratio_text(line.output)},
        [
            {
                "asset_id": one.asset_id,
                "output": ratio_text(one.output),
                "total_t": tonnes_text(one.amount_mg),
                "intensity": ratio_text(one.intensity),
            }
            for one in lines
        ],
        {
            "en": f"{line.asset_id} emits {more} more per {line.unit} of {line.product} than "
            f"{best.asset_id}",
            "zh": f"{line.asset_id}的单位{line.product}排放比{best.asset_id}高{more}",
        },
    )


RULE = Rule(KIND, False, FORMULA, find, level)
