"""When a label is a new one: another word, or new data after its time is over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.grading.domain.benchmarks import Benchmark
from services.grading.domain.farm_peers import FarmPeers
from services.grading.domain.grades import Cause, Grade, Label, expire, settle
from shared.units.calendar import CITY

BEGAN = datetime(2021, 6, 15, tzinfo=UTC)
ENDS = datetime(2022, 6, 15, tzinfo=UTC)
SECOND = timedelta(seconds=1)
KINDS = (
    *("event", "same_data", "year_before", "benchmark", "city_mean", "month", "rule", "appeal"),
    "farm_peers",
)
PEERS = FarmPeers(2020, "planting", 2, "ha", 10, "11/2", "41/5", BEGAN)


def label(
    held: Label | None,
    word: str,
    at: datetime,
    kind: str = "event",
    peers: FarmPeers | None = None,
    benchmark: Benchmark | None = None,
) -> Label:
    grade = Grade(word, {"en": word, "zh": word}, {}, peers=peers, benchmark=benchmark)
    version = {"rule_version": "labels@1", "months": 12, "zone": CITY}
    return settle(2020, grade, held, at, cause=Cause(kind, "x"), **version)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("at", "n", "valid_until"),
    [
        (ENDS - SECOND, 1, ENDS),
        (ENDS, 2, datetime(2023, 6, 15, tzinfo=UTC)),
        (ENDS + timedelta(days=40), 2, datetime(2023, 7, 25, tzinfo=UTC)),
    ],
)
def test_new_data_renew_a_label_once_its_time_is_over(
    at: datetime, n: int, valid_until: datetime
) -> None:
    first = label(None, "yellow", BEGAN)
    assert not first.expired(ENDS - SECOND) and first.expired(ENDS)
    after = label(first, "yellow", at)
    assert (after.n, after.valid_until, after.expired(at)) == (n, valid_until, False)
    assert after.decided_at == (at if n == 2 else BEGAN)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "event"])
def test_nothing_but_new_data_renews_a_label(kind: str) -> None:
    after = label(label(None, "yellow", BEGAN), "yellow", ENDS + SECOND, kind)
    assert (after.n, after.valid_until, after.cause) == (1, ENDS, f"{kind}:x")
    assert after.expired(ENDS + SECOND)


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_another_word_leaves_an_expired_label_expired_unless_by_new_data(
    kind: str, told: bool
) -> None:
    first = label(None, "yellow", BEGAN)
    held = expire(first) if told else first
    after = label(held, "red", ENDS, kind)
    assert (after.n, after.decided_at) == (held.n + 1, ENDS)
    anew = kind == "event"
    assert after.valid_until == (datetime(2023, 6, 15, tzinfo=UTC) if anew else ENDS)
    # What is announced with the word says so: it is not announced once more.
    assert after.told_expired == after.expired(ENDS) == (not anew)


def test_what_was_announced_as_expired_is_renewed_also_by_a_clock_behind() -> None:
    told = expire(label(None, "yellow", BEGAN))
    assert (told.n, told.valid_until, told.decided_at) == (2, ENDS, BEGAN)
    after = label(told, "yellow", ENDS - SECOND)
    assert (after.n, after.told_expired, after.decided_at) == (3, False, ENDS - SECOND)


def test_a_label_becomes_ungraded_without_validity_and_has_one_again_with_its_next_word() -> None:
    expired = expire(label(None, "yellow", BEGAN))
    ungraded = label(expired, "ungraded", ENDS, "benchmark")
    assert (ungraded.valid_until, ungraded.told_expired) == (None, False)
    after = label(ungraded, "yellow", ENDS, "benchmark")
    assert after.valid_until == datetime(2023, 6, 15, tzinfo=UTC)


def test_what_is_ungraded_neither_expires_nor_is_renewed() -> None:
    first = label(None, "ungraded", BEGAN)
    assert first.valid_until is None
    assert label(first, "ungraded", ENDS + timedelta(days=900)).n == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("word", ["yellow", "red"])
def test_new_data_and_benchmarks_end_a_suspension(
    kind: str, word: str, benchmark: Benchmark
) -> None:
    first = label(None, "yellow", BEGAN, benchmark=benchmark)
    held = Label(2020, 1, first.grade, "labels@1", BEGAN, ENDS, BEGAN, "event:x", True, True)
    other = replace(benchmark, version="2") if kind == "benchmark" else benchmark
    after = label(held, word, BEGAN + SECOND, kind, benchmark=other)
    assert after.suspended == (kind not in ("event", "benchmark"))
    assert after.contested


def test_a_benchmark_that_does_not_decide_leaves_a_suspension(benchmark: Benchmark) -> None:
    first = label(None, "yellow", BEGAN, benchmark=benchmark)
    held = replace(first, suspended=True)
    assert label(held, "yellow", BEGAN + SECOND, "benchmark", benchmark=benchmark).suspended
    assert label(held, "ungraded", BEGAN + SECOND, "benchmark").suspended


@pytest.mark.parametrize(("peers", "suspended"), [(PEERS, False), (None, True)])
def test_other_peers_end_the_suspension_of_what_they_decide(
    peers: FarmPeers | None, suspended: bool
) -> None:
    first = label(None, "light_green", BEGAN)
    held = Label(2020, 1, first.grade, "labels@1", BEGAN, ENDS, BEGAN, "event:x", False, True)
    after = label(held, "light_green", BEGAN + SECOND, "farm_peers", peers)
    assert (after.suspended, after.n) == (suspended, 1)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["yellow", "red", "ungraded"]),
            st.sampled_from(KINDS),
            st.integers(0, 800),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_the_number_of_a_label_rises_by_one_with_each_new_one(
    steps: list[tuple[str, str, int]],
) -> None:
    held, now = None, BEGAN
    for word, kind, days in steps:
        now += timedelta(days=days)
        after = label(held, word, now, kind)
        if held is None or after.n != held.n:
            assert after.n == (held.n + 1 if held else 1)
            assert after.decided_at == now
            over = held is not None and held.expired(now) and kind != "event"
            assert after.expired(now) == after.told_expired == (over and word != "ungraded")
        else:
            assert (after.decided_at, after.grade.label) == (held.decided_at, held.grade.label)
        held = after
