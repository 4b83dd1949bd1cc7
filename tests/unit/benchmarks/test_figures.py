"""Quantiles and pages."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import report, table
from benchmarks.figures import milliseconds, quantile
from benchmarks.options import Options
from benchmarks.processes import Usage
from benchmarks.report import Figure, Result

VALUES = st.lists(st.floats(0, 1e6), min_size=1)


@given(VALUES, st.integers(1, 100))
def test_a_quantile_is_the_smallest_value_that_covers_the_share(
    values: list[float], percent: int
) -> None:
    found = quantile(values, percent)
    least = math.ceil(len(values) * percent / 100)
    assert sum(value <= found for value in values) >= least
    assert sum(value < found for value in values) < least


def test_nothing_has_no_quantile() -> None:
    assert quantile([], 99) == 0.0


def test_times_are_told_with_their_worst() -> None:
    found = milliseconds("door", [float(n) for n in range(1, 101)])
    assert {name: figure.value for name, figure in found.items()} == {
        "door p50": 50.0,
        "door p95": 95.0,
        "door p99": 99.0,
        "door worst": 100.0,
    }


@pytest.mark.parametrize("options", [Options(count=5_000), Options(short=True), Options(workers=1)])
def test_trials_are_not_kept(options: Options) -> None:
    assert report.place(options) == report.TRIALS
    assert report.place(Options()) == report.RESULTS


def test_the_page_has_every_kept_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(table, "PAGE", tmp_path / "RESULTS.md")
    bare = Result(
        name="limit", broker="embedded", figures={"posting": Figure(40_000, "payments per second")}
    )
    report.save(Options(), bare)
    chain = Result(
        name="chain",
        broker="embedded",
        figures={"through both": report.rate(Options(), 20_000, "per second")},
        processes={"personal": Usage(2.0, 104.4)},
        events=100_000,
    )
    report.save(Options(), chain)
    page = table.write().read_text()
    assert "| through both | 20,000 | per second | 50% |" in page
    assert "| personal | 20.0 | 104 |" in page
    assert page.index("## chain") < page.index("## limit")
