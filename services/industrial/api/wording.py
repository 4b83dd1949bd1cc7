"""What names and ids in the registry may be."""

import re

from msgspec import Meta

from shared.http.bodies import refuse_person
from shared.http.problems import invalid

WORD_LENGTH_MAX = 200
# As documented; the check words the error.
WORDS = Meta(extra_json_schema={"minLength": 1, "maxLength": WORD_LENGTH_MAX})
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")
ID_FORM = "1 to 128 letters, digits and . _ : / -"


def check_id(name: str, id: str) -> None:
    """422 unless this can be the id of a meter or asset, and of no person."""
    if not _ID.fullmatch(id):
        raise invalid(f"/path/{name}", f"expected {ID_FORM}", "invalid-parameter")
    refuse_person(f"/path/{name}", id, "invalid-parameter")


def check_words(**words: str) -> None:
    """422 with the field's pointer unless each is a short text that names no person."""
    for name, text in words.items():
        if not 1 <= len(text.strip()) <= WORD_LENGTH_MAX:
            raise invalid(f"/{name}", f"expected 1 to {WORD_LENGTH_MAX} characters")
        refuse_person(f"/{name}", text)
