"""Which of the forms that an answer has a client wants (the header `Accept`, RFC 9110)."""

from collections.abc import Sequence

from shared.http.problems import Problem


def preferred(accept: str | None, offered: Sequence[str]) -> str:
    """The offered media type that the client likes best; the first of equals. 406 for none."""
    if not accept or not accept.strip():
        return offered[0]
    ranges = [_range(part) for part in accept.lower().split(",")]
    best = max(offered, key=lambda media: _weight(media, ranges))
    if _weight(best, ranges) <= 0:
        raise Problem("not-acceptable", 406, f"Accept: expected one of {', '.join(offered)}")
    return best


def _range(text: str) -> tuple[str, float]:
    media, *parameters = (part.strip() for part in text.split(";"))
    weights = [p.removeprefix("q=") for p in parameters if p.startswith("q=")]
    try:
        return media, float(weights[0]) if weights else 1.0
    except ValueError:
        return media, 1.0


def _weight(media: str, ranges: Sequence[tuple[str, float]]) -> float:
    """That of the nearest range: text/csv before text/* before */*."""
    for wanted in (media, f"{media.split('/', maxsplit=1)[0]}/*", "*/*"):
        for found, weight in ranges:
            if found == wanted:
                return weight
    return 0.0
