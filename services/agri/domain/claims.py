"""What may be claimed together: a parcel's carbon is counted once."""

from collections.abc import Iterable

from services.agri.domain import soil
from services.agri.domain.records import Fact, Refused
from shared.events.types import FarmRecord


def check(fact: Fact, standing: Iterable[Fact]) -> None:
    """Refuse a record that claims what a standing record of the account claims already.

    The standing ones are those of the parcel that claim something, of `years`.
    """
    if not claims(fact.record):
        return
    for other in standing:
        clash = _clash(fact, other) if other.year == fact.year else _over_years(fact, other)
        if clash is not None:
            raise clash


def claims(record: FarmRecord) -> bool:
    """Whether a record claims its parcel: not one of no straw or of no heads, by which another is
    taken back, and not an emission."""
    match record.pathway:
        case "straw_return":
            return bool(record.straw_kg_per_ha)
        case "manure_utilisation":
            return any((record.heads, record.biogas_m3, record.synthetic_n_before_t))
        case "soil_carbon":
            return True
        case _:
            return False


def years(record: FarmRecord, year: int) -> list[int]:
    """In which years other records of the parcel may claim what a record of `year` does."""
    end = soil.other_end(record.since, year) if record.pathway == "soil_carbon" else None
    return [year] if end is None else [year, end]


def _clash(fact: Fact, other: Fact) -> Refused | None:
    pathways = (fact.record.pathway, other.record.pathway)
    if pathways == ("straw_return", "straw_return"):
        return _other_area(fact, other)
    if pathways == ("soil_carbon", "soil_carbon"):
        return _refusal("already_claimed", fact, other, "soil carbon counts once a year")
    if set(pathways) == {"straw_return", "soil_carbon"}:
        return _refusal("parcel_exclusive", fact, other, "straw and soil carbon overlap")
    if pathways == ("manure_utilisation", "manure_utilisation"):
        return _same_days(fact, other)
    return None


def _other_area(fact: Fact, other: Fact) -> Refused | None:
    # The year's straw on a parcel is one sum per hectare: two areas would make it two parcels.
    if fact.record.area_ha == other.record.area_ha:
        return None
    expected = f"/data/area_ha: expected {other.record.area_ha}, got {fact.record.area_ha}"
    return _refusal("area_differs", fact, other, expected)


def _same_days(fact: Fact, other: Fact) -> Refused | None:
    overlap = fact.starts < other.ends and other.starts < fact.ends
    if not overlap or fact.record.animal != other.record.animal:
        return None
    period = f"{other.starts} to {other.ends} is counted already for {fact.record.animal}"
    return _refusal("overlapping_period", fact, other, period)


def _over_years(fact: Fact, other: Fact) -> Refused | None:
    """The yearly shares of one change are no more than the change."""
    first, last = sorted((fact.year, other.year))
    pathways = {fact.record.pathway, other.record.pathway}
    same = fact.record.since == other.record.since == first
    if pathways != {"soil_carbon"} or not same or soil.other_end(first, first) != last:
        return None
    if {soil.rule_of(fact.record), soil.rule_of(other.record)} != {soil.BY_FACTORS}:
        return None
    why = f"a change of {first} counts for {last - first} years, {first} or {last} not among them"
    return _refusal("change_too_old", fact, other, why)


def _refusal(reason: str, fact: Fact, other: Fact, why: str) -> Refused:
    return Refused(
        reason,
        f"{fact.name!r} and {other.name!r} claim parcel {fact.record.parcel_id!r} "
        f"in {fact.year}: {why}; name the earlier one in /data/replaces to correct it",
    )
