"""Which of the forms that an answer has a client wants (the header `Accept`, RFC 9110)."""

import re
from collections.abc import Sequence

from shared.http.problems import Problem

_WEIGHT = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


def preferred(accept: str | None, offered: Sequence[str]) -> str:
    """The offered media type that the client likes best; the first of equals. 406 for none."""
    ranges = [_range(part) for part in (accept or "").lower().split(",") if part.strip()]
    if not ranges:
        return offered[0]
    best = max(offered, key=lambda media: _weight(media, ranges))
    if _weight(best, ranges) <= 0:
        raise Problem("not-acceptable", 406, f"Accept: expected one of {', '.join(offered)}")
    return best


def _range(text: str) -> tuple[str, float]:
    """What is no weight by RFC 9110 (0 to 1, three places) counts as none: 1."""
    media, *parameters = (part.strip() for part in text.split(";"))
    weights = [found[1] for p in parameters if (found := _WEIGHT.fullmatch(p))]
    return media, float(weights[0]) if weights else 1.0


def _weight(media: str, ranges: Sequence[tuple[str, float]]) -> float:
    """That of the nearest range: text/csv before text/* before */*."""
    for wanted in (media, f"{media.split('/', maxsplit=1)[0]}/*", "*/*"):
        for found, weight in ranges:
            if found == wanted:
                return weight
    return 0.0
