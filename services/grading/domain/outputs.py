"""The output of an enterprise in the unit of a benchmark."""

from fractions import Fraction

from services.grading.domain.benchmarks import VALUE_ADDED_UNIT
from shared.events.types import IndustrialAccount
from shared.units.quantity import UnitError, convert


def by_value_added(account: IndustrialAccount, unit: str) -> bool:
    """Whether value added is the output in this unit."""
    return unit == VALUE_ADDED_UNIT != account.product_unit


def output_in(account: IndustrialAccount, unit: str) -> Fraction | None:
    """The year's output in a unit, None when it does not convert; `1e4CNY` is value added."""
    if by_value_added(account, unit):
        return Fraction(account.value_added_1e4cny)
    if unit == account.product_unit:
        return Fraction(account.output)
    try:
        return convert(account.output, account.product_unit, unit)
    except UnitError:
        return None
