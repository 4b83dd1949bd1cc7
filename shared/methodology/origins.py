"""Where the figures of entries come from: every factor of every version, found by its name."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, cast, get_args

from shared.methodology import factors, process
from shared.methodology.editions import Editions
from shared.methodology.factors import Factor, GwpSet
from shared.methodology.reader import Document, MissingFigure
from shared.methodology.rows import GridRow

if TYPE_CHECKING:
    from shared.methodology.catalogue import Methodology


def figures(files: Mapping[str, Editions], gwp_set: GwpSet) -> Iterator[Factor]:
    """Fuels of both sets, power, heat and steam, then the activities that have a potential."""
    for name in ("fuels_set_a", "fuels_set_b"):
        for document in files[name].documents:
            yield from (factors.fuel(document, fuel) for fuel in document.sections["fuels"])
    for document in files["grid"].documents:
        for row in document.sections["grid"].values():
            yield factors.grid(document, cast(GridRow, row))
        yield from (factors.heat_factor(document, name) for name in document.sections["heat"])
    gwp = files["gwp"].latest
    for document in files["process"].documents:
        yield from _activities(document, gwp, gwp_set)


@cache
def index(methodology: "Methodology") -> dict[tuple[str, str, str], Factor]:
    """The figures by set, version (without the set of potentials) and id.

    Of an activity whose gas the chosen set lacks, the figure of a set that has it.
    """
    chosen, sets = methodology.gwp_set, get_args(GwpSet)
    return {
        (found.set, found.version.partition("+")[0], found.id): found
        for gwp_set in (*(one for one in sets if one != chosen), chosen)
        for found in figures(methodology.files, gwp_set)
    }


def _activities(document: Document, gwp: Document, gwp_set: GwpSet) -> Iterator[Factor]:
    for name in document.sections["activities"]:
        try:
            yield process.read_activity(document, name, gwp, gwp_set).factor
        except MissingFigure:
            continue
