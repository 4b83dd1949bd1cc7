"""The second and third dimension: the region's mean, and the account's own history."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from services.grading.domain.benchmarks import Cuts
from services.grading.domain.grades import UNKNOWN
from shared.events.types import IndustrialAccount
from shared.methodology import IndustrialRule

ACCOUNTS_IN_A_MEAN_MIN = 2


@dataclass(slots=True, frozen=True)
class City:
    """Sums over the industrial accounts of a year that have declared value added."""

    total_t: Fraction = Fraction(0)
    value_added: Fraction = Fraction(0)
    accounts: int = 0

    def changed(self, old: IndustrialAccount | None, new: IndustrialAccount) -> "City":
        """The sums after an account's state has changed."""
        sums = self if old is None else self._plus(old, -1)
        return sums._plus(new, 1)

    def _plus(self, account: IndustrialAccount, sign: int) -> "City":
        if account.value_added_1e4cny <= 0:
            return self
        return City(
            self.total_t + sign * Fraction(account.total_t),
            self.value_added + sign * Fraction(account.value_added_1e4cny),
            self.accounts + sign,
        )


def regional(account: IndustrialAccount, city: City, cuts: Cuts) -> str:
    """Own t per 1e4 CNY of value added against the city's mean; unknown without both."""
    if account.value_added_1e4cny <= 0 or city.accounts < ACCOUNTS_IN_A_MEAN_MIN:
        return UNKNOWN
    mean = city.total_t / city.value_added
    if mean <= 0:
        return UNKNOWN
    own = Fraction(account.total_t) / Fraction(account.value_added_1e4cny)
    return cuts.colour(own / mean)


def history(
    account: IndustrialAccount, before: IndustrialAccount | None, rule: IndustrialRule
) -> str:
    """The fall of intensity against the year before; unknown when they don't compare."""
    if before is None or _made(before) != _made(account):
        return UNKNOWN
    was, now = intensity(before), intensity(account)
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


def _over(amount: Decimal, by: Decimal) -> Fraction | None:
    return Fraction(amount) / Fraction(by) if by > 0 else None


def _made(account: IndustrialAccount) -> tuple[str, str]:
    return account.product, account.product_unit
