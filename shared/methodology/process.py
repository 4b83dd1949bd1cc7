"""Process activities: what a report may name, and its exact emissions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from math import prod
from typing import cast

from shared.methodology.editions import require
from shared.methodology.factors import DEFAULT_GWP, Factor, potential
from shared.methodology.reader import Document, MethodologyError
from shared.methodology.rows import Bucket, ProcessRow

# Contents that scale the emission; every other one gives t CO2 per t of its share.
_SCALES: dict[str, Callable[[Fraction], Fraction]] = {
    "abated": lambda share: 1 - share,
    "calcined": lambda share: share,
}


@dataclass(frozen=True, slots=True)
class Activity:
    """One activity. `bucket` is where its tonnes go; `contents` are the shares it may name.

    Contents are t CO2 per t of the named share; their sum replaces the factor. `abated` (share
    destroyed) and `calcined` (share decomposed) scale the emission instead.
    """

    name: str
    name_en: str
    name_zh: str
    bucket: Bucket
    factor: Factor
    takes_purity: bool
    contents: Mapping[str, Fraction]

    def tonnes(
        self,
        quantity: Decimal | Fraction,
        unit: str,
        purity: Decimal | None = None,
        content: Mapping[str, Decimal] | None = None,
    ) -> Fraction:
        """Exact t CO2e of a reported quantity.

        UnitError for a wrong unit; MethodologyError for a purity or content that it does not
        take, or a share outside 0 to 1.
        """
        amount = self.factor.amount(quantity, unit) * self._purity(purity)
        return amount * self._per_unit(content or {})

    def _purity(self, purity: Decimal | None) -> Fraction:
        if purity is None:
            return Fraction(1)
        if not self.takes_purity:
            raise MethodologyError(f"{self.name} takes no purity")
        return _share("purity", purity)

    def _per_unit(self, content: Mapping[str, Decimal]) -> Fraction:
        for name in content:
            if name not in self.contents:
                known = ", ".join(self.contents) or "none"
                raise MethodologyError(f"{self.name}: unknown content {name!r}; expected {known}")
        shares = {name: _share(name, share) for name, share in content.items()}
        scale = prod(_SCALES[name](share) for name, share in shares.items() if name in _SCALES)
        terms = [self.contents[name] * shares[name] for name in shares if name not in _SCALES]
        return self._from(terms) * scale if terms else self.factor.t_per_unit * scale

    def _from(self, terms: list[Fraction]) -> Fraction:
        """The sum of the named contents, never of the other sign than the default."""
        total = sum(terms, Fraction(0))
        return min(total, Fraction(0)) if self.factor.t_per_unit < 0 else max(total, Fraction(0))


@cache
def read_activity(document: Document, name: str, gwp: Document) -> Activity:
    """The activity of a name; other gases than CO2 take their default potential."""
    row = cast(ProcessRow, require(document.sections["activities"], name, "activity"))
    header = document.header
    version = header.version if row.gas == "CO2" else f"{header.version}+{DEFAULT_GWP}"
    factor = Factor(
        id=f"process.{name}",
        set=header.set,
        version=version,
        t_per_unit=row.per_unit * potential(gwp, row.gas),
        unit=row.unit,
        source=row.source,
        confidence=row.confidence,
    )
    contents = {key: Fraction(value) for key, value in row.contents.items()}
    return Activity(name, row.name_en, row.name_zh, row.bucket, factor, row.purity, contents)


def _share(name: str, value: Decimal) -> Fraction:
    if not (value.is_finite() and 0 <= value <= 1):
        raise MethodologyError(f"{name}: expected a share between 0 and 1, got {value}")
    return Fraction(value)
