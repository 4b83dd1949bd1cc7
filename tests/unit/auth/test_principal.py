"""Patterns match whole parts, and an absent claim allows nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.auth.principal import (
    EVERYTHING,
    SCOPES,
    Principal,
    require,
    require_city,
    require_subject,
)
from shared.http.problems import Problem


def speaker(sources: tuple[str, ...] = (), subjects: tuple[str, ...] = ()) -> Principal:
    return Principal("c", frozenset({"events:write:payments"}), sources, subjects)


@pytest.mark.parametrize(
    ("pattern", "subject", "allowed"),
    [
        ("jsrcb:*", "jsrcb:a8f5f167", True),
        ("jsrcb:*", "jsrcbx:a8f5f167", False),
        ("jsrcb:*", "jsrcb:", False),
        ("jsrcb:*", "jsrcb", False),
        ("jsrcb*", "jsrcb:a8f5f167", True),
        ("jsrcb*", "jsrcbx:a8f5f167", False),
        ("jsrcb:a8*", "jsrcb:a8f5f167", False),
        ("jsrcb:a8f5f167", "jsrcb:a8f5f167", True),
        ("jsrcb:a8f5f167", "jsrcb:a8f5f1678", False),
        ("urn:bank/*", "urn:bank/core/1", True),
        ("urn:bank/*", "urn:bank-of-others/core", False),
        ("https://bank.example*", "https://bank.example/pay", True),
        ("https://bank.example*", "https://bank.example.org/pay", False),
        ("*", "anything", True),
        ("", "", True),
        ("", "a", False),
        ("a*b", "axb", False),
    ],
)
def test_patterns(pattern: str, subject: str, allowed: bool) -> None:
    assert speaker(subjects=(pattern,)).reads(subject) is allowed


def test_sources_and_subjects_are_claims_apart() -> None:
    bank = speaker(("urn:jsrcb",), ("jsrcb:*",))

    assert bank.covers("sources", "urn:jsrcb")
    assert bank.covers("subjects", "jsrcb:a8f5f167")
    assert not bank.covers("sources", "jsrcb:a8f5f167")
    assert not bank.covers("subjects", "urn:jsrcb")


@given(st.text())
def test_no_claim_allows_nothing(text: str) -> None:
    assert not speaker(subjects=("*",)).covers("sources", text)
    assert not speaker(("*",)).covers("subjects", text)
    assert not speaker(("*",)).reads(text)


@given(st.text(min_size=1).filter(lambda t: not t.endswith("*")), st.text(min_size=1))
def test_a_pattern_never_reaches_into_a_neighbour(stem: str, rest: str) -> None:
    matched = speaker(subjects=(stem + "*",)).reads(stem + rest)

    assert matched == (stem[-1] in ":/" or rest[0] in ":/")


def test_topics() -> None:
    assert speaker().may_write("payments")
    assert not speaker().may_write("payment")
    assert not Principal("c").may_write("payments")
    assert EVERYTHING.may_write("farm-records")
    assert EVERYTHING.reads_all()
    assert not speaker(subjects=("a:*",)).reads_all()


async def test_require() -> None:
    check = require("labels:read")

    assert await check(EVERYTHING) is EVERYTHING
    with pytest.raises(Problem) as found:
        await check(Principal("c", frozenset({"labels:reads"})))
    assert found.value.status == 403
    assert "labels:read" in found.value.detail
    with pytest.raises(ValueError, match="registry:write"):
        require("labels:raed")


async def test_what_is_the_citys_is_no_banks_and_nobodys_whose_subjects_are_some() -> None:
    scopes = frozenset({"registry:write"})
    check = require_city("registry:write")

    assert await check(EVERYTHING) is EVERYTHING
    for who in (
        Principal("enterprise", scopes, (), ("91330800734510498B",)),
        Principal("bank", scopes, (), ("*",), "icbc"),
    ):
        with pytest.raises(Problem, match="token whose subjects are") as found:
            await check(who)
        assert found.value.status == 403


def test_require_subject() -> None:
    require_subject(speaker(subjects=("a:*",)), "a:1")
    with pytest.raises(Problem) as found:
        require_subject(speaker(subjects=("a:*",)), "b:1")
    assert found.value.status == 403


def test_scopes_are_described() -> None:
    assert {"events:write:meter-readings", "events:write:payments", "points:redeem"} <= set(SCOPES)
    assert all(SCOPES.values())
