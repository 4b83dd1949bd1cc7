"""Policies of labels: defaults, and what banks put in their place."""

from datetime import date
from pathlib import Path

import pytest

from shared.methodology import MethodologyError, methodology
from shared.methodology.files import load
from tests.policies import FILE, with_own


def test_a_bank_puts_its_own_policy_in_the_place_of_a_default_from_a_day_on(
    tmp_path: Path,
) -> None:
    figures = methodology(with_own(tmp_path))
    before, day = date(2026, 6, 30), date(2026, 7, 1)
    found = {
        (on, bank): figures.policy("industrial", "deep_green", on, bank)
        for on in (before, day)
        for bank in (None, "jsrcb", "icbc")
    }
    own = found.pop((day, "jsrcb"))
    assert (own.facts()["id"], own.rate_bp) == ("jsrcb.industrial.deep_green", -60)
    assert {(row.facts()["id"], row.rate_bp) for row in found.values()} == {
        ("industrial.deep_green", -50)
    }
    assert figures.policy("industrial", "red", day, "jsrcb").bank is None


def test_the_policies_of_a_bank_are_one_for_each_label(tmp_path: Path) -> None:
    figures = methodology(with_own(tmp_path))
    default, own = (figures.policies("industrial", bank=bank) for bank in (None, "jsrcb"))
    assert [row.label for row in own] == [row.label for row in default]
    assert [row.bank for row in own] == ["jsrcb", None, None, None, None]
    assert {row.bank for row in figures.policies(bank=None)} == {None}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "jsrcb.industrial",
            "icbc.industrial",
            "icbc.industrial.deep_green: expected jsrcb.industrial.deep_green",
        ),
        (
            "bank: jsrcb",
            "bank: JSRCB",
            "jsrcb.industrial.deep_green.bank: expected 2 to 32 of a-z, 0-9 and -",
        ),
        (
            "deep_green: {bank: jsrcb, kind: industrial, label: deep_green",
            "dark_green: {bank: jsrcb, kind: industrial, label: dark_green",
            "jsrcb.industrial.dark_green.label: expected one of deep_green, light_green, yellow,",
        ),
        (
            "line_multiplier: 1.50",
            "line_multiplier: 1.50, transition_step_bp: -10, transition_max_bp: -30",
            "jsrcb.industrial.deep_green.transition_step_cut: expected other than 0",
        ),
        (
            "line_multiplier: 1.50",
            "line_multiplier: 1.50, transition_missed_bp: 20",
            "jsrcb.industrial.deep_green.transition_step_bp: expected other than 0",
        ),
    ],
)
def test_a_wrong_policy_of_a_bank_names_row_and_field(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    data = with_own(tmp_path)
    text = (data / FILE).read_text(encoding="utf-8")
    assert old in text
    (data / FILE).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(MethodologyError, match=rf"policies-2\.yaml:\d+: policies\.{expected}"):
        load(data)
