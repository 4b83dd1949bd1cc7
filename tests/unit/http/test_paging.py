"""Pages join without gaps or repeats, and a cursor that isn't ours is told apart."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from shared.http.answers import Listing
from shared.http.paging import Page, decode_cursor, encode_cursor, listing, paging
from shared.http.problems import Problem

LIST = "/v1/accounts/a/entries"


async def open_page(limit: int, cursor: str | None, place: str = LIST) -> Page:
    return await paging(Request({"type": "http", "path": place}), limit, cursor)


@given(st.sets(st.integers(), max_size=60), st.integers(1, 20))
async def test_pages_join_to_the_whole(stored: set[int], limit: int) -> None:
    everything = sorted(stored)
    seen: list[int] = []
    cursor: str | None = None
    for _ in range(len(everything) + 1):
        page = await open_page(limit, cursor)
        after = page.after(tuple[int])
        rows = [n for n in everything if after is None or n > after[0]][: limit + 1]
        answer = page.listing(rows, lambda n: n, lambda n: (n,))
        seen += answer.items
        cursor = answer.next
        if cursor is None:
            break
    assert seen == everything


@given(st.tuples(st.text(), st.integers(-(2**63), 2**63 - 1)))
async def test_values_come_back(values: tuple[str, int]) -> None:
    page = await open_page(1, encode_cursor(LIST, *values))

    assert page.after(tuple[str, int]) == values


async def test_instants_come_back() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

    assert (await open_page(1, encode_cursor(LIST, at))).after(tuple[datetime]) == (at,)


@given(st.integers(0), st.integers(1, 255))
async def test_a_changed_cursor_is_refused(place: int, change: int) -> None:
    raw = bytearray(base64.urlsafe_b64decode(encode_cursor(LIST, "a", 12345678)))
    raw[place % len(raw)] ^= change

    await check_refused(base64.urlsafe_b64encode(raw).decode())


@pytest.mark.parametrize("text", ["", "a", "AAAA", "....", "é", " ", "=", "A" * 999])
async def test_a_foreign_cursor_is_refused(text: str) -> None:
    await check_refused(text)


async def check_refused(text: str) -> None:
    with pytest.raises(Problem) as found:
        await open_page(1, text)
    assert (found.value.name, found.value.status) == ("invalid-cursor", 422)
    assert found.value.errors[0].pointer == "/query/cursor"


@pytest.mark.parametrize(
    "type", [tuple[int], tuple[str, str], tuple[str, int, int], dict[str, int]]
)
async def test_a_cursor_of_another_list_is_refused(type: Any) -> None:
    page = await open_page(1, encode_cursor(LIST, "a", 1))

    with pytest.raises(Problem):
        page.after(type)


async def test_a_cursor_of_another_account_is_refused() -> None:
    first = await open_page(1, None)
    following = first.listing([1, 2], lambda n: n, lambda n: (n,)).next

    assert (await open_page(1, following)).after(tuple[int]) == (1,)
    with pytest.raises(Problem):
        await open_page(1, following, "/v1/accounts/b/entries")


def test_without_a_cursor_it_begins_at_the_start() -> None:
    assert Page(10).after(tuple[int]) is None
    assert listing([1]) == Listing(items=[1], next=None)
    with pytest.raises(Problem):
        decode_cursor(b"", tuple[int])
