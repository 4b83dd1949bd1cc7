"""From facts to ledger lines: which facts are counted together, and what each one posts."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from services.agri.domain import emissions, manure, soil, straw
from services.agri.domain.lines import Basis, Line, lines
from services.agri.domain.records import Fact, Refused, above_zero
from shared.units.amount import MG_PER_T, round_half_even, tonnes_text

# No farm's: keeps every sum far inside 64 bits.
AMOUNT_MG_MAX = 10**6 * MG_PER_T


class Group(NamedTuple):
    """Facts whose amounts depend on each other; `key` is empty for a year's straw on a parcel."""

    account: int
    year: int
    pathway: str
    parcel: str
    key: bytes


def group_of(fact: Fact) -> Group:
    """Straw is one sum per parcel and year, every other fact stands alone."""
    record = fact.record
    key = b"" if record.pathway == "straw_return" else fact.key
    return Group(fact.account, fact.year, record.pathway, record.parcel_id, key)


def check(fact: Fact) -> None:
    """Refuse a fact that can't be counted, with the field and what was expected."""
    if fact.record.area_ha is not None:
        # Of a record that doesn't count by it too: the farm's size does.
        above_zero(fact.record, "area_ha")
    for line in targets([fact])[fact.key]:
        if abs(line.amount) > AMOUNT_MG_MAX:
            raise Refused(
                "too_large",
                f"/data/{_measure(fact, line)}: expected what gives at most "
                f"{tonnes_text(AMOUNT_MG_MAX)} t in a month, "
                f"got {tonnes_text(abs(line.amount))} t",
            )


def _measure(fact: Fact, line: Line) -> str:
    """The field by which a line is as large as it is."""
    if fact.record.pathway == "emission":
        return "quantity"
    if line.pathway == "manure":
        return "biogas_m3" if line.rule.startswith(manure.BIOGAS) else "heads"
    return "area_ha"


def targets(facts: Sequence[Fact]) -> dict[bytes, list[Line]]:
    """The lines of each fact (by event key) of one group."""
    if facts and facts[0].record.pathway == "straw_return":
        return straw.targets(facts)
    return {fact.key: _lines(fact, _bases(fact)) for fact in facts}


def _lines(fact: Fact, bases: Iterable[Basis]) -> list[Line]:
    return [
        line
        for basis in bases
        for line in lines(fact, basis, round_half_even(basis.quantity * basis.factor))
    ]


def _bases(fact: Fact) -> list[Basis]:
    match fact.record.pathway:
        case "soil_carbon":
            return [soil.basis(fact)]
        case "manure_utilisation":
            return manure.bases(fact)
        case "emission":
            return [emissions.basis(fact)]
        case pathway:
            raise AssertionError(pathway)
