"""The output of an enterprise in the unit of a benchmark."""

from fractions import Fraction

from services.grading.domain.benchmarks import VALUE_ADDED_UNIT
from shared.events.types import IndustrialAccount
from shared.units.quantity import UnitError, convert


def output_in(account: IndustrialAccount, unit: str) -> Fraction | None:
    """The year's output in a unit, None when it does not convert; `1e4CNY` is value added."""
    if unit == account.product_unit:
        return Fraction(account.output)
    if unit == VALUE_ADDED_UNIT:
        return Fraction(account.value_added_1e4cny)
    try:
        return convert(account.output, account.product_unit, unit)
    except UnitError:
        return None
