"""What every farm record counts, once all of them are known (METHODOLOGY 3.2 and 3.3)."""

from calendar import isleap
from collections import defaultdict
from collections.abc import Iterable, Mapping
from fractions import Fraction

from tests.faults.oracle import figures
from tests.faults.oracle.figures import CO2_PER_C, GWP_CH4, GWP_N2O, MG_PER_T, N2O_PER_N
from tests.faults.oracle.told import Identity, Told, half_even

PATHWAYS = {
    "straw_return": "straw",
    "soil_carbon": "soil",
    "manure_utilisation": "manure",
    "emission": "gross",
}


def counted(posted: Mapping[Identity, Told]) -> dict[Identity, int]:
    """Milligrams by record; those that were replaced have none."""
    replaced = {event.target for event in posted.values()}
    standing = [event for event in posted.values() if event.identity not in replaced]
    amounts = dict.fromkeys(posted, 0)
    returns = [event for event in standing if event.data["pathway"] == "straw_return"]
    amounts |= _straw(returns)
    for event in standing:
        if event.data["pathway"] != "straw_return":
            amounts[event.identity] = half_even(_TONNES[event.data["pathway"]](event) * MG_PER_T)
    return amounts


def refusal(event: Told, posted: Mapping[Identity, Told]) -> str | None:
    """Why a record is a dead letter: what it claims is claimed."""
    replaced = {one.target for one in posted.values()}
    if event.target is not None:
        return "already_replaced" if event.target in replaced else None
    for other in posted.values():
        if other.identity not in replaced and _parcel(other) == _parcel(event):
            reason = _clash(event, other)
            if reason and not (_nothing(event) or _nothing(other)):
                return reason
    return None


def _clash(event: Told, other: Told) -> str | None:
    pathways = event.data["pathway"], other.data["pathway"]
    if pathways == ("soil_carbon", "soil_carbon"):
        return "already_claimed"
    if pathways == ("straw_return", "straw_return"):
        return "area_differs" if event.figure("area_ha") != other.figure("area_ha") else None
    if set(pathways) == {"straw_return", "soil_carbon"}:
        return "parcel_exclusive"
    if pathways == ("manure_utilisation", "manure_utilisation"):
        apart = event.day("end") <= other.day("start") or other.day("end") <= event.day("start")
        return None if apart else "overlapping_period"
    return None


def _nothing(event: Told) -> bool:
    """What is of no straw and of no heads claims nothing."""
    amount = {"straw_return": "straw_kg_per_ha", "manure_utilisation": "heads"}
    return event.figure(amount.get(event.data["pathway"], "area_ha")) == 0


def _parcel(event: Told) -> tuple[str, str, int]:
    return event.subject, event.data["parcel_id"], event.day("start").year


def _straw(returns: Iterable[Told]) -> dict[Identity, int]:
    """3.3 P1: a parcel's year is one sum; each return adds to those before it."""
    parcels: dict[tuple[str, str, int], list[Told]] = defaultdict(list)
    for event in sorted(returns, key=lambda event: event.order):
        parcels[_parcel(event)].append(event)
    amounts = {}
    for events in parcels.values():
        straw, given = Fraction(0), 0
        for event in events:
            returned = event.figure("straw_kg_per_ha") / 1000
            if returned == 0:
                amounts[event.identity] = 0
                continue
            straw += returned
            whole = half_even(event.figure("area_ha") * _straw_t_per_ha(straw) * MG_PER_T)
            amounts[event.identity] = whole - given
            given = whole
    return amounts


def _straw_t_per_ha(straw: Fraction) -> Fraction:
    if straw == 0:
        return Fraction(0)
    kept = figures.STRAW_SLOPE * min(straw, figures.STRAW_CAP) + figures.STRAW_INTERCEPT
    return kept / 1000 * CO2_PER_C


def _soil(event: Told) -> Fraction:
    """3.3 P2."""
    data = event.data
    stock = figures.SOC_REF[data["soil"]] * figures.LAND_USE[data["land_use"]]
    after = figures.TILLAGE[data["tillage_after"]] * figures.INPUT[data["input_after"]]
    before = figures.TILLAGE[data["tillage_before"]] * figures.INPUT[data["input_before"]]
    return event.figure("area_ha") * stock * (after - before) / 20 * CO2_PER_C


def _manure(event: Told) -> Fraction:
    """3.3 P3, for the days of the record."""
    (ch4_before, ef3_before), (ch4_after, ef3_after) = (
        figures.MANURE[event.data[name]] for name in ("system_before", "system_after")
    )
    methane_kg = figures.PIG_VS * 365 * (ch4_before - ch4_after) / 1000
    nitrous_kg = figures.PIG_N * 365 * (ef3_before - ef3_after) * N2O_PER_N
    kg = methane_kg * GWP_CH4 + nitrous_kg * GWP_N2O
    return event.figure("heads") * kg / 1000 * _year_share(event)


def _gross(event: Told) -> Fraction:
    """3.5: fuel, power, fertiliser, enteric methane; 1.2 for fuels (all else takes set B)."""
    source, quantity, unit = (event.data[name] for name in ("source", "quantity", "unit"))
    amount = Fraction(quantity)
    if source == "electricity":
        mwh = figures.converted(amount, unit, "MWh")
        assert mwh is not None
        return mwh * figures.grid(event.day("start").year)
    if source == "enteric_pig":
        return amount * figures.ENTERIC_PIG / 1000 * GWP_CH4 * _year_share(event)
    tonnes = figures.converted(amount, unit, "t")
    assert tonnes is not None
    if source == "diesel":
        return tonnes * figures.DIESEL["B"]
    assert source == "fertiliser_n"
    return tonnes * figures.FERTILISER_N * N2O_PER_N * GWP_N2O


def _year_share(event: Told) -> Fraction:
    start = event.day("start")
    return Fraction((event.day("end") - start).days, 366 if isleap(start.year) else 365)


_TONNES = {"soil_carbon": _soil, "manure_utilisation": _manure, "emission": _gross}
