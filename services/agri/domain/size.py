"""How large a farm was in a year: what its figures are per."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from services.agri.domain.records import Fact
from shared.units.calendar import days_in_year

MANURE = ("manure_pig", "manure.")
ENTERIC = ("enteric_",)


@dataclass(slots=True, frozen=True)
class Size:
    """The fields that the records of a year name, and the head-days of the herd."""

    area_ha: Fraction = Fraction(0)
    head_days: Fraction = Fraction(0)

    def heads(self, year: int) -> Fraction:
        """The herd on an average day."""
        return self.head_days / days_in_year(year)


def size(facts: Iterable[Fact]) -> Size:
    """Of the standing facts of a year.

    A parcel counts once, with the largest area that a record gives it. The same herd may be in the
    records of its manure's treatment, of its manure's emissions and of its digestion: the largest
    of the three counts.
    """
    areas: dict[str, Fraction] = defaultdict(Fraction)
    herds: dict[str, Fraction] = defaultdict(Fraction)
    for fact in facts:
        record = fact.record
        if record.area_ha is not None:
            parcel = record.parcel_id
            areas[parcel] = max(areas[parcel], Fraction(record.area_ha))
        herd, heads = _herd(fact)
        herds[herd] += heads * (fact.ends - fact.starts).days
    return Size(sum(areas.values(), Fraction(0)), max(herds.values(), default=Fraction(0)))


def _herd(fact: Fact) -> tuple[str, Fraction]:
    record = fact.record
    if record.pathway == "manure_utilisation":
        return "treated", Fraction(record.heads or 0)
    # What another pathway carries besides its own fields has been checked by nobody.
    source = (record.emission_source or "") if record.pathway == "emission" else ""
    for herd in (MANURE, ENTERIC):
        if source.startswith(herd):
            return herd[0], Fraction(record.quantity or 0)
    return "", Fraction(0)
