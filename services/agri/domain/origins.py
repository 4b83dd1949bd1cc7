"""Where the figures of entries come from, by the rule that posted them."""

from datetime import date

from services.agri.domain import manure, soil, straw
from services.agri.domain.tables import STRAW_REGION
from shared.methodology import methodology
from shared.methodology.reader import Document
from shared.methodology.rows import Row

FARM = "farm."
BURNING = f"{straw.BURNING}."
MEASURED = ("measured on the farm", None)
# Rule -> the section of the farm tables, and its row where one row says it.
SECTIONS: dict[str, tuple[str, str | None]] = {
    straw.RULE: ("straw", STRAW_REGION),
    soil.BY_FACTORS: ("input", None),
    manure.RULE: ("manure", None),
    manure.NITROGEN: ("figures", "nitrogen_production"),
}


def origin(rule: str, set: str, version: str, year: int) -> tuple[str, str | None] | None:
    """Source and confidence of an entry's factor; None when no figure goes by that name.

    What was measured has no confidence: its evidence is the record's.
    """
    if rule in (soil.BY_STOCKS, soil.BY_SAMPLES):
        return MEASURED
    if rule in SECTIONS:
        row = _row(methodology().agri_document(date(year, 12, 31)), *SECTIONS[rule])
        return row.source, row.confidence
    if rule.startswith(BURNING):
        burning = methodology().agri_document(date(year, 12, 31)).sections["burning"]
        row = burning[rule.removeprefix(BURNING)]
        return row.source, row.confidence
    if rule.startswith(FARM):
        factor = methodology().farm_factor(rule.removeprefix(FARM), date(year, 12, 31))
    else:
        fuel = rule.replace(manure.BIOGAS, "fuel", 1)
        found = methodology().origin(set, version, fuel)
        if found is None:
            return None
        factor = found
    return factor.source, factor.confidence


def _row(document: Document, section: str, name: str | None) -> Row:
    rows = document.sections[section]
    return rows[name] if name else next(iter(rows.values()))
