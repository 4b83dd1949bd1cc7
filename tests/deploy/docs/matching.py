"""Is what was said what a page shows? … stands for anything, or for what is left out."""

import json
import re
from typing import Any

ANYTHING = "…"
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,…]|[^\s{}\[\]:,…"]+')


def text_fits(shown: str, said: str) -> bool:
    """White space does not count."""
    parts = (re.escape(re.sub(r"\s", "", part)) for part in shown.split(ANYTHING))
    return re.fullmatch(".*?".join(parts), re.sub(r"\s", "", said)) is not None


def json_fits(shown: str, said: str) -> bool:
    """The order of members does not count; those that are not shown may be there beside a …"""
    try:
        found = json.loads(said)
    except ValueError:
        return False
    return _fits(json.loads(_as_json(shown)), found)


def _fits(shown: Any, said: Any) -> bool:
    if shown == ANYTHING:
        return True
    if isinstance(shown, dict) and isinstance(said, dict):
        names = shown.keys() - {ANYTHING}
        whole = ANYTHING in shown or names == said.keys()
        return whole and all(name in said and _fits(shown[name], said[name]) for name in names)
    if isinstance(shown, list) and isinstance(said, list):
        first = shown[: shown.index(ANYTHING)] if ANYTHING in shown else shown
        whole = ANYTHING in shown or len(shown) == len(said)
        return whole and len(first) <= len(said) and all(map(_fits, first, said))
    if isinstance(shown, str) and isinstance(said, str):
        return text_fits(shown, said)
    return type(shown) is type(said) and bool(shown == said)


def _as_json(shown: str) -> str:
    """With "…": "…" for members that are left out, and "…" for elements and values."""
    written, open_brackets = "", ""
    pieces = _PIECE.findall(shown)
    for piece, following in zip(pieces, [*pieces[1:], ""], strict=True):
        if piece in "{[":
            open_brackets += piece
        elif piece in "}]":
            open_brackets = open_brackets[:-1]
        if piece != ANYTHING:
            written += piece
        elif written.endswith(":") or not open_brackets.endswith("{"):
            written += f'"{ANYTHING}"'
        else:
            written += f'"{ANYTHING}": "{ANYTHING}"'
        if piece == ANYTHING and following not in (",", "}", "]", ""):
            written += ","
    return written
