"""How many farms of each type the city has: what the registered ones are a share of."""

from services.agri.domain.farms import TYPE_NAMES


class CoverageError(ValueError):
    """A total is written wrongly; says what was expected."""


def parse(text: str) -> dict[str, int]:
    """The farms of the city by type, from `planting=900,breeding=650`; empty text gives none."""
    totals: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        kind, _, number = (word.strip() for word in part.partition("="))
        if kind not in TYPE_NAMES:
            raise CoverageError(f"{kind}: expected one of {', '.join(TYPE_NAMES)}")
        if kind in totals:
            raise CoverageError(f"{kind}: expected once")
        if not (number.isascii() and number.isdigit() and int(number) > 0):
            raise CoverageError(f"{kind}: expected a whole number of farms above 0, got {number!r}")
        totals[kind] = int(number)
    return totals
