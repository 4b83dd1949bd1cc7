"""The time that a batch's intervals cover: what the database is asked about."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.industrial.domain.facts import Fact
from services.industrial.store.load import covered

START = datetime(2022, 3, 1, tzinfo=UTC)
HOURS = st.tuples(st.sampled_from("ab"), st.integers(0, 40), st.integers(1, 6))


def fact(meter: str, first: int, length: int, kind: str = "reading") -> Fact:
    starts = START + timedelta(hours=first)
    return Fact(
        7, b"k", b"", "urn:test", "id", kind, meter, starts, starts + timedelta(hours=length),
        None, "actual", Decimal(1), "kWh",
    )  # fmt: skip


@given(st.lists(HOURS))
def test_spans_are_apart_and_cover_the_intervals_and_nothing_else(
    intervals: list[tuple[str, int, int]],
) -> None:
    spans = covered([fact(*interval) for interval in intervals])
    hours = [
        (slot, hour)
        for _, slot, first, last in spans
        for hour in range(
            (first - START) // timedelta(hours=1), (last - START) // timedelta(hours=1)
        )
    ]
    assert len(hours) == len(set(hours))
    assert set(hours) == {
        (m, n) for m, first, length in intervals for n in range(first, first + length)
    }
    ends = {(slot, last) for _, slot, _, last in spans}
    assert not ends & {(slot, first) for _, slot, first, _ in spans}


def test_counters_and_activities_may_overlap() -> None:
    counter = fact("a", 0, 1)
    counter.starts = None
    assert covered([counter, fact("activity:lime", 0, 1, "activity")]) == []
