"""Use per unit of output: its own better months show what is possible."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from fractions import Fraction
from statistics import median

from services.industrial.domain.findings.finding import (
    Finding,
    Given,
    Level,
    Rule,
    Scope,
    Use,
    confident,
)
from services.industrial.domain.findings.profile import worth
from shared.units.amount import decimal_text, ratio_text
from shared.units.calendar import next_month

KIND = "specific_use"
MONTHS_MIN = 3
FORMULA = {
    "en": "sum over the months at least 1/19 above the median of (use minus median use per unit of output x "
    "output of the month)",
    "zh": "对高出中位数至少1/19的各月求和:当月用量 − 单位产量用量中位数 × 当月产量",
}


def find(given: Given) -> Iterator[Finding]:
    """One for each asset and carrier with months well above its median.

    Only what was used in at least three months with output can be compared.
    """
    for months in _series(given.uses).values():
        if len(months) >= MONTHS_MIN:
            usual = median(use.specific for use in months)
            above = [use for use in months if worth(use.specific, usual)]
            if above:
                yield _finding(given, months, above, usual)


def level(given: Given, scope: Scope) -> Level | None:
    """Use per unit of output, over the output."""
    months = _series(given.uses).get((scope.asset_id, scope.carrier or "", scope.unit), [])
    output = sum((Fraction(use.output) for use in months), Fraction(0))
    return Level(_used(months) / output, output) if output else None


def _series(uses: Iterable[Use]) -> dict[tuple[str | None, str, str], list[Use]]:
    found: dict[tuple[str | None, str, str], list[Use]] = defaultdict(list)
    for use in sorted(uses, key=lambda use: use.month):
        found[use.asset_id, use.carrier, use.unit].append(use)
    return found


def _used(months: Sequence[Use]) -> Fraction:
    return sum((Fraction(use.quantity) for use in months), Fraction(0))


def _finding(given: Given, months: Sequence[Use], above: Sequence[Use], usual: Fraction) -> Finding:
    first, last = months[0], months[-1]
    scope = Scope(first.asset_id, None, first.carrier, first.unit)
    avoidable = sum(
        (Fraction(use.quantity) * (1 - usual / use.specific) for use in above), Fraction(0)
    )
    emitted = sum((use.amount_mg * (1 - usual / use.specific) for use in above), Fraction(0))
    (en, zh), (carrier, carrier_zh) = scope.named(), scope.carrier_named()
    rising = _rises([use.specific for use in months])
    output = sum((Fraction(use.output) for use in months), Fraction(0))
    return Finding(
        KIND,
        scope,
        _used(months) / output,
        f"{first.unit} per unit of output",
        usual,
        avoidable,
        first.unit,
        emitted / avoidable,
        given.tariffs.price(first.carrier, first.unit),
        confident(len(months), 9, 6),
        first.month,
        next_month(last.month) - timedelta(days=1),
        {
            "specific_median": ratio_text(usual),
            "specific_latest": ratio_text(last.specific),
            "rising_months": str(rising),
            "months_above": str(len(above)),
        },
        [
            {
                "month": use.month.strftime("%Y-%m"),
                "quantity": decimal_text(use.quantity),
                "output": decimal_text(use.output),
                "specific": ratio_text(use.specific),
            }
            for use in months
        ],
        {
            "en": f"{carrier} per unit of output of {en} was well above its median in {len(above)} of "
            f"{len(months)} months" + (f" and has risen for {rising} months" if rising > 1 else ""),
            "zh": f"{zh}单位产量{carrier_zh}用量在{len(months)}个月中有{len(above)}个月明显高于中位数"
            + (f",且已连续{rising}个月上升" if rising > 1 else ""),
        },
    )


def _rises(values: Sequence[Fraction]) -> int:
    """The latest month-over-month rises without a fall between them."""
    count = 0
    for before, after in zip(reversed(values[:-1]), reversed(values[1:]), strict=True):
        if after <= before:
            break
        count += 1
    return count


RULE = Rule(KIND, False, FORMULA, find, level)
