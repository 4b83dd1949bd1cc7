"""The screen: what differs is said, and it stays one screen."""

from collections import Counter

import pytest
from rich.cells import cell_len

from tanzhang.audit import Check as AuditCheck
from tanzhang.audit import Difference, Report
from tanzhang.demo import golden
from tanzhang.demo.checking import Group, compared
from tanzhang.demo.screen import show
from tanzhang.demo.story import Demo, Outcome, Pace
from tanzhang.demo.summary import Summary
from tanzhang.simulation import city

SUMMARY = Summary(
    industrial={"with_account": 600, "total_t": "21610245.76", "avoided_t": "275.51"},
    agri={"with_account": 180, "neutralised_t": "161993.8", "gross_t": "241902.7"},
    personal={"customers": 96446, "reduction_t": "159.404913722", "trees": 2109},
    points="159404913.722",
    dead_letters=0,
    parked=0,
    labels={"industrial": Counter(red=600), "agri": Counter(deep_green=180)},
)


def outcome(*groups: Group, wrong: int = 0, killed: int = 0) -> Outcome:
    differences = [Difference(f"jsrcb:{n}", "balance", "1 mg", "2 mg") for n in range(wrong)]
    return Outcome(
        Demo(city(1), kill_workers=killed),
        groups,
        SUMMARY,
        Pace(345_297, 61.6, 84.6),
        Report([AuditCheck("personal: ledger", 96_501, 300_001, differences)]),
        ("personal",) * killed,
    )


def test_all_agrees(capsys: pytest.CaptureFixture[str]) -> None:
    found = outcome(*golden.rules())
    assert found.agrees
    show(found)
    screen = capsys.readouterr().out
    assert "All 6 figures are as expected" in screen
    assert "21,610,245.76 t emitted" in screen
    assert "deep_green 深绿 180" in screen


def test_a_difference_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    found = outcome(Group("4 transfer", (compared("reduction_g", "23.096", "23.095"),)))
    assert not found.agrees
    show(found)
    screen = capsys.readouterr().out
    assert "DIFFERS 4 transfer: reduction_g: expected 23.096, found 23.095" in screen
    assert "1 of 1 figures differ" in screen


def test_a_wrong_ledger_is_a_difference(capsys: pytest.CaptureFixture[str]) -> None:
    found = outcome(*golden.rules(), wrong=1)
    assert not found.agrees
    show(found)
    screen = capsys.readouterr().out
    assert "personal: ledger: jsrcb:0: balance: expected 1 mg, found 2 mg" in screen
    assert "All 6 figures" not in screen


def test_the_worst_of_cities_fits_one_screen(capsys: pytest.CaptureFixture[str]) -> None:
    bad = [
        Group(f"group {n}", tuple(compared(f"figure {m}", "1" * 30, None) for m in range(5)))
        for n in range(18)
    ]
    show(outcome(*bad, wrong=100, killed=10))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 45
    assert max(cell_len(line) for line in lines) <= 100
