"""What may be claimed together: a parcel's carbon is counted once."""

from collections.abc import Iterable

from services.agri.domain.records import Fact, Refused


def check(fact: Fact, standing: Iterable[Fact]) -> None:
    """Refuse a record that claims what a standing record of the account claims already."""
    for other in standing:
        if (other.year, other.record.parcel_id) == (fact.year, fact.record.parcel_id):
            _check_pair(fact, other)


def _check_pair(fact: Fact, other: Fact) -> None:
    pathways = (fact.record.pathway, other.record.pathway)
    if pathways == ("straw_return", "straw_return"):
        _same_area(fact, other)
    elif pathways == ("soil_carbon", "soil_carbon"):
        raise _refusal("already_claimed", fact, other, "soil carbon counts once a year")
    elif set(pathways) == {"straw_return", "soil_carbon"}:
        raise _refusal("parcel_exclusive", fact, other, "straw and soil carbon overlap")
    elif pathways == ("manure_utilisation", "manure_utilisation"):
        _apart(fact, other)


def _same_area(fact: Fact, other: Fact) -> None:
    # The year's straw on a parcel is one sum per hectare: two areas would make it two parcels.
    if fact.record.area_ha != other.record.area_ha:
        expected = f"/data/area_ha: expected {other.record.area_ha}, got {fact.record.area_ha}"
        raise _refusal("area_differs", fact, other, expected)


def _apart(fact: Fact, other: Fact) -> None:
    overlap = fact.starts < other.ends and other.starts < fact.ends
    if overlap and fact.record.animal == other.record.animal:
        period = f"{other.starts} to {other.ends} is counted already for {fact.record.animal}"
        raise _refusal("overlapping_period", fact, other, period)


def _refusal(reason: str, fact: Fact, other: Fact, why: str) -> Refused:
    return Refused(
        reason,
        f"{fact.name!r} and {other.name!r} claim parcel {fact.record.parcel_id!r} "
        f"in {fact.year}: {why}; name the earlier one in /data/replaces to correct it",
    )
