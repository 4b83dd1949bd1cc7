"""Lists are cut into pages: `?limit=` and an opaque `?cursor=` that says where the next begins."""

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import Query, Request
from pydantic import Field

from shared.events.errors import FieldError
from shared.http.answers import Listing
from shared.http.parameters import IN_DIGITS
from shared.http.problems import Problem

T = TypeVar("T")
ItemT = TypeVar("ItemT")
LIMIT_MAX = 1000
LIMIT_DEFAULT = 100
CURSOR_CHARACTERS_MAX = 1024
_SUM_BYTES = 4


@dataclass(slots=True, frozen=True)
class Page:
    """What a client asked for: at most `limit` items after `cursor` (None: from the start).

    `place` is the path of the list: a cursor of another one, such as another account's, is refused.
    """

    limit: int = LIMIT_DEFAULT
    cursor: bytes | None = None
    place: str = ""

    def next(self, *values: Any) -> str:
        """The cursor after the item with these sort values."""
        return encode_cursor(self.place, *values)

    def after(self, type: type[T]) -> T | None:
        """The values the cursor was made of, such as `page.after(tuple[int, str])`."""
        return None if self.cursor is None else decode_cursor(self.cursor, type)

    def listing(
        self, rows: Sequence[T], item: Callable[[T], ItemT], key: Callable[[T], Sequence[Any]]
    ) -> Listing[ItemT]:
        """The answer for rows read with `limit + 1`; `key` gives a row's cursor values."""
        shown = rows[: self.limit]
        more = len(rows) > self.limit
        return listing([item(r) for r in shown], self.next(*key(shown[-1])) if more else None)


async def paging(
    request: Request,
    limit: Annotated[
        int,
        Field(ge=1, le=LIMIT_MAX),
        IN_DIGITS,
        Query(description="At most so many items", examples=[20]),
    ] = LIMIT_DEFAULT,
    cursor: Annotated[
        str | None,
        Query(
            max_length=CURSOR_CHARACTERS_MAX,
            description="`next` of the page before; without, the first page",
        ),
    ] = None,
) -> Page:
    """The dependency of every list: `page: Annotated[Page, Depends(paging)]`."""
    place: str = request.scope["path"]
    return Page(limit, None if cursor is None else _opened(cursor, place), place)


def listing(items: Iterable[ItemT], next_cursor: str | None = None) -> Listing[ItemT]:
    """The body of every list."""
    return Listing(items=list(items), next=next_cursor)


def encode_cursor(place: str, *values: Any) -> str:
    """The cursor text of the last item's sort values (JSON scalars, dates, instants)."""
    payload = msgspec.json.encode(values)
    return base64.urlsafe_b64encode(_sum(place, payload) + payload).decode().rstrip("=")


def decode_cursor(cursor: bytes, type: type[T]) -> T:
    """The values of an opened cursor; 422 when they are not of this list."""
    try:
        return msgspec.json.decode(cursor, type=type)
    except msgspec.MsgspecError:
        raise _wrong() from None


def _opened(text: str, place: str) -> bytes:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _wrong() from None
    seal, payload = raw[:_SUM_BYTES], raw[_SUM_BYTES:]
    if seal != _sum(place, payload):
        raise _wrong()
    return payload


def _sum(place: str, payload: bytes) -> bytes:
    # Against accidents and guessing, not a secret: a cursor only moves within what may be read.
    known = place.encode() + b"\0" + payload
    return blake2b(known, digest_size=_SUM_BYTES, person=b"cursor").digest()


def _wrong() -> Problem:
    expected = "expected the `next` of an earlier answer of this list"
    return Problem(
        "invalid-cursor", 422, f"cursor: {expected}", [FieldError("/query/cursor", expected)]
    )
