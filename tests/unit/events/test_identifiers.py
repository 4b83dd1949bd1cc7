"""Identifiers: published codes pass, those of persons are recognised, others are left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.identifiers import (
    is_credit_code,
    is_enterprise,
    is_farm,
    is_personal_account,
    personal_identifier,
)

# Published: the example of GB 32100-2015, and registered companies.
CODES = ["91350100M000100Y43", "91110000600037341L", "914403001922038216", "9144030071526726XG"]


@pytest.mark.parametrize("code", CODES)
def test_credit_codes(code: str) -> None:
    assert is_credit_code(code)
    assert is_enterprise(code)
    assert is_farm(code)
    assert personal_identifier(code) is None
    assert not is_credit_code(code[:-1])
    assert not is_credit_code("91350100m000100y43")


@given(
    st.sampled_from(CODES), st.integers(0, 17), st.sampled_from("0123456789ABCDEFGHJKLMNPQRTUWXY")
)
def test_one_wrong_character_is_noticed(code: str, place: int, character: str) -> None:
    changed = code[:place] + character + code[place + 1 :]
    assert is_credit_code(changed) == (changed == code)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("11010519491231002X", "citizen id"),
        ("11010519491231002x", "citizen id"),
        ("bank:11010519491231002X", "citizen id"),
        ("110105194912310021", None),
        ("13800138000", "mobile number"),
        ("+86 138 0013 8000", "mobile number"),
        ("12800138000", None),
        ("138001380001", None),
        ("a13800138000b", None),
        ("4111111111111111", "bank card"),
        ("4111-1111", None),
        ("4111111111111112", None),
        ("2111111111111114", None),
        ("3f2504e0-4f89-11d3-9a0c-0305e82c3301", None),
        ("2020-01-31T00:00:00", None),
        ("", None),
    ],
)
def test_persons(text: str, kind: str | None) -> None:
    assert personal_identifier(text) == kind


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("jsrcb:a8f5f167", True),
        ("jsrcb:a8f5f16", False),
        ("JSRCB:a8f5f167", False),
        ("j:a8f5f167", False),
        ("jsrcb:" + "a" * 65, False),
        ("jsrcb:a8f5f167\n", False),
        ("jsrcb:a8f5:f167", False),
    ],
)
def test_personal_accounts(text: str, taken: bool) -> None:
    assert is_personal_account(text) == taken
