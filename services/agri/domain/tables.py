"""The figures of the farm pathways, as in force in a year."""

from dataclasses import dataclass
from datetime import date
from functools import cache

from shared.methodology import AgriTables, methodology

# The city's pair of the straw regression.
STRAW_REGION = "south"
# GB/T 4754 division of agriculture: takes the fuel set of "all other" sectors.
SECTOR = "01"


@dataclass(slots=True, frozen=True)
class Label:
    """The factor set and version that an entry names."""

    set: str
    version: str


@cache
def tables(year: int) -> AgriTables:
    """Tables of the city's edition and potentials, high productivity, for a year."""
    return methodology().agri(on=date(year, 12, 31))


def label(year: int) -> Label:
    """The set and version of `tables(year)`, edition and potentials included."""
    name, _, version = tables(year).label.partition("@")
    return Label(name, version)
