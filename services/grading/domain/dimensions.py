"""The second and third dimension: the region's mean, and the account's own history."""

from decimal import Decimal
from fractions import Fraction

from services.grading.domain.benchmarks import VALUE_ADDED_UNIT, Cuts
from services.grading.domain.city import CityMean
from services.grading.domain.completeness import Months, months_covered
from services.grading.domain.grades import UNKNOWN
from services.grading.domain.outputs import by_value_added
from shared.events.types import IndustrialAccount
from shared.methodology import IndustrialRule


def regional(
    account: IndustrialAccount, city: CityMean | None, needed: int, cuts: Cuts, year: Months
) -> str:
    """Own t per 1e4 CNY of value added against the city's mean.

    Unknown without value added or with months of energy missing, and until a mean over enough
    (`needed`) accounts is taken.
    """
    if city is None or city.accounts < needed or account.value_added_1e4cny <= 0:
        return UNKNOWN
    if months_covered(account, VALUE_ADDED_UNIT, year.counted)[0] < year.required:
        return UNKNOWN
    mean = city.mean
    if mean is None:
        return UNKNOWN
    own = Fraction(account.total_t) / Fraction(account.value_added_1e4cny)
    return cuts.colour(own / mean)


def history(
    account: IndustrialAccount,
    before: IndustrialAccount | None,
    rule: IndustrialRule,
    year: Months,
    unit: str,
) -> str:
    """The fall of intensity against the year before; unknown when they don't compare.

    Of the intensity that the benchmark is in (`unit`): per value added where that is the output.
    Years that lack months a label needs don't compare either: energy of one against the output of
    twelve is no fall.
    """
    if before is None or _made(before) != _made(account):
        return UNKNOWN
    if min(months_covered(before, unit)) < rule.months_needed:
        return UNKNOWN
    if min(months_covered(account, unit, year.counted)) < year.required:
        return UNKNOWN
    was, now = _intensity_in(before, unit), _intensity_in(account, unit)
    if was is None or now is None or was <= 0:
        return UNKNOWN
    falls = {
        "deep_green": rule.fall_deep_green,
        "light_green": rule.fall_light_green,
        "yellow": rule.fall_yellow,
    }
    fall = (was - now) / was
    return next((colour for colour, least in falls.items() if fall >= least), "red")


def intensity(account: IndustrialAccount) -> Fraction | None:
    """Total emissions over output, unrounded; None without output."""
    return _over(account.total_t, account.output)


def _intensity_in(account: IndustrialAccount, unit: str) -> Fraction | None:
    """Per value added where that is the output in this unit, else per unit of the product: others
    of its kind rise and fall alike."""
    if by_value_added(account, unit):
        return _over(account.total_t, account.value_added_1e4cny)
    return intensity(account)


def _over(amount: Decimal, by: Decimal) -> Fraction | None:
    return Fraction(amount) / Fraction(by) if by > 0 else None


def _made(account: IndustrialAccount) -> tuple[str, str]:
    return account.product, account.product_unit
