"""Where the figures of entries come from, by the rule that posted them."""

from dataclasses import dataclass
from datetime import date

from services.agri.domain import manure, soil, straw
from services.agri.domain.emissions import factor_of
from services.agri.domain.tables import STRAW_REGION
from shared.methodology import Factor, methodology
from shared.methodology.reader import Document
from shared.methodology.rows import Row

FARM = "farm."
FUEL = "fuel."
GRID = "grid."
BURNING = f"{straw.BURNING}."
# Rule -> the section of the farm tables, and its row where one row says it.
SECTIONS: dict[str, tuple[str, str | None]] = {
    straw.RULE: ("straw", STRAW_REGION),
    soil.BY_FACTORS: ("input", None),
    manure.RULE: ("manure", None),
    manure.NITROGEN: ("figures", "nitrogen_production"),
}


@dataclass(slots=True, frozen=True)
class Origin:
    """Source and confidence of a figure; `fallback` and `warning` (en, zh) of one that stands in.

    What was measured has no confidence: its evidence is the record's.
    """

    source: str
    confidence: str | None
    fallback: bool = False
    warning: tuple[str, str | None] | None = None


MEASURED = Origin("measured on the farm", None)


def origin(rule: str, set: str, version: str, on: date) -> Origin | None:
    """Of an entry of a record that starts on a day; None when no figure goes by that name."""
    if rule in (soil.BY_STOCKS, soil.BY_SAMPLES):
        return MEASURED
    if rule in SECTIONS:
        return _of_row(_row(_document(on), *SECTIONS[rule]))
    if rule.startswith(BURNING):
        return _of_row(_document(on).sections["burning"][rule.removeprefix(BURNING)])
    if rule.startswith(FARM):
        found = methodology().farm_factor(rule.removeprefix(FARM), date(on.year, 12, 31))
        return Origin(found.source, found.confidence)
    return _of_energy(rule.replace(f"{manure.BIOGAS}.", FUEL, 1), set, version, on)


def _of_energy(rule: str, set: str, version: str, on: date) -> Origin | None:
    found = methodology().origin(set, version, rule)
    if found is None:
        return None
    taken = _taken(rule, on)
    if taken is None or (taken.id, taken.set, taken.version) != (rule, set, version):
        return Origin(found.source, found.confidence)
    warning = (taken.warning, taken.warning_zh) if taken.warning else None
    return Origin(found.source, found.confidence, taken.fallback, warning)


def _taken(rule: str, on: date) -> Factor | None:
    """What would be taken now: only that knows for what it stands in."""
    if rule.startswith(GRID):
        return factor_of("electricity", on.year, on)
    return factor_of(rule.removeprefix(FUEL), on.year, on) if rule.startswith(FUEL) else None


def _document(on: date) -> Document:
    return methodology().agri_document(date(on.year, 12, 31))


def _row(document: Document, section: str, name: str | None) -> Row:
    rows = document.sections[section]
    return rows[name] if name else next(iter(rows.values()))


def _of_row(row: Row) -> Origin:
    return Origin(row.source, row.confidence)
