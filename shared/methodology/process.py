"""Process activities: what a report may name, and its exact emissions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from math import prod
from typing import cast

from shared.methodology.editions import require
from shared.methodology.factors import Factor, GwpSet, potential, weighing
from shared.methodology.reader import Document, MethodologyError
from shared.methodology.rows import Bucket, Effect, ProcessRow
from shared.units.amount import ratio_text

_EFFECTS: dict[Effect, Callable[[Fraction], Fraction]] = {
    "keeps": lambda share: share,
    "removes": lambda share: 1 - share,
    "adds": lambda share: 1 + share,
}
_JOINED = "*"


@dataclass(frozen=True, slots=True)
class Activity:
    """One activity. `bucket` is where its tonnes go.

    The sum of the reported `contents` (t CO2e per t of each share) replaces the factor. A scale
    then changes the emission by the product of the shares that its name joins with `*`.
    """

    name: str
    name_en: str
    name_zh: str
    sectors: tuple[str, ...]
    bucket: Bucket
    gas: str
    factor: Factor
    takes_purity: bool
    needs_share: bool
    contents: Mapping[str, Fraction]
    scales: Mapping[str, Effect]

    def tonnes(
        self,
        quantity: Decimal | Fraction,
        unit: str,
        purity: Decimal | None = None,
        content: Mapping[str, Decimal] | None = None,
    ) -> Fraction:
        """Exact t CO2e of a reported quantity.

        UnitError for a wrong unit; MethodologyError for a purity or content that it does not
        take or cannot do without, or a share outside 0 to 1.
        """
        shares = self._shares(content or {})
        given = {name: share for name, share in shares.items() if name in self.contents}
        self._check_given(purity, given)
        amount = self.factor.amount(quantity, unit) * self._purity(purity)
        whole = self._of_contents(given) if given else self.factor.t_per_unit
        return amount * whole * self._scale(shares)

    @property
    def shares(self) -> tuple[str, ...]:
        """Every share that a report may name in its content."""
        return (*self.contents, *(part for scale in self.scales for part in _parts(scale)))

    def _shares(self, content: Mapping[str, Decimal]) -> dict[str, Fraction]:
        for name in content:
            if name not in self.shares:
                known = ", ".join(self.shares) or "none"
                raise MethodologyError(f"{self.name}: unknown content {name!r}; expected {known}")
        return {name: _share(name, share) for name, share in content.items()}

    def _check_given(self, purity: Decimal | None, given: Mapping[str, Fraction]) -> None:
        """Nothing is counted twice, and nothing is computed from half of what it takes."""
        main = next(iter(self.contents), "")
        both = self.takes_purity and purity is not None and bool(given)
        if both or (self.needs_share and purity is None and not given):
            raise MethodologyError(
                f"{self.name}: expected either purity or {main}, got {'both' if both else 'none'}"
            )
        if given and main not in given:
            raise MethodologyError(f"{self.name}: expected {main} in content as well")
        whole = sum(share for name, share in given.items() if self._same_sign(self.contents[name]))
        if whole > 1:
            raise MethodologyError(
                f"{self.name}: expected shares in content that sum to 1 at most, "
                f"got {ratio_text(Fraction(whole))}"
            )

    def _same_sign(self, value: Fraction) -> bool:
        return value * self.factor.t_per_unit > 0

    def _purity(self, purity: Decimal | None) -> Fraction:
        if purity is None:
            return Fraction(1)
        if not self.takes_purity:
            raise MethodologyError(f"{self.name} takes no purity")
        return _share("purity", purity)

    def _of_contents(self, given: Mapping[str, Fraction]) -> Fraction:
        """Never of the other sign than the default."""
        per_unit = sum((self.contents[name] * share for name, share in given.items()), Fraction(0))
        if self._same_sign(-per_unit):
            less = [name for name in given if not self._same_sign(self.contents[name])]
            rest = [name for name in given if name not in less]
            raise MethodologyError(
                f"{self.name}: expected less in {', '.join(less)} than in {', '.join(rest)}"
            )
        return per_unit

    def _scale(self, shares: Mapping[str, Fraction]) -> Fraction:
        given = {name for name in shares if name not in self.contents}
        if not given:
            return Fraction(1)
        for scale, effect in self.scales.items():
            if given == set(_parts(scale)):
                return _EFFECTS[effect](Fraction(prod(shares[part] for part in given)))
        ways = " or ".join(" with ".join(_parts(scale)) for scale in self.scales)
        raise MethodologyError(
            f"{self.name}: expected {ways} in content, got {', '.join(sorted(given))}"
        )


@cache
def read_activity(document: Document, name: str, gwp: Document, gwp_set: GwpSet) -> Activity:
    """The activity of a name; MissingFigure when the set has no potential of its gas."""
    row = cast(ProcessRow, require(document.sections["activities"], name, "activity"))
    header, warming = document.header, potential(gwp, row.gas, gwp_set)
    version = header.version if row.gas == "CO2" else f"{header.version}+{weighing(gwp, gwp_set)}"
    factor = Factor(
        id=f"process.{name}",
        set=header.set,
        version=version,
        t_per_unit=row.per_unit * warming,
        unit=row.unit,
        source=row.source,
        confidence=row.confidence,
        note=row.note,
    )
    return Activity(
        name=name,
        name_en=row.name_en,
        name_zh=row.name_zh,
        sectors=row.sectors,
        bucket=row.bucket,
        gas=row.gas,
        factor=factor,
        takes_purity=row.purity,
        needs_share=row.needs_share,
        contents={key: value * warming for key, value in row.contents.items()},
        scales=row.scales,
    )


def _parts(scale: str) -> list[str]:
    return scale.split(_JOINED)


def _share(name: str, value: Decimal) -> Fraction:
    if not (value.is_finite() and 0 <= value <= 1):
        raise MethodologyError(f"{name}: expected a share between 0 and 1, got {value}")
    return Fraction(value)
