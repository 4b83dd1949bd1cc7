"""The bucket: bursts pass, the mean rate holds, clients don't share."""

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.rate import Rates


class Clock:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def test_a_debt_is_waited_for() -> None:
    clock = Clock()
    rates = Rates(100, clock)

    assert rates.wait("a") == 0
    rates.take("a", 350)
    assert rates.wait("a") == 3
    assert rates.wait("b") == 0
    clock.at = 2.4
    assert rates.wait("a") == 1
    clock.at = 2.6
    assert rates.wait("a") == 0


def test_zero_is_no_limit() -> None:
    rates = Rates(0, Clock())
    rates.take("a", 10**9)

    assert rates.wait("a") == 0


@given(st.integers(1, 1000), st.lists(st.integers(1, 1000), max_size=50))
def test_the_mean_rate_holds(per_second: int, batches: list[int]) -> None:
    clock = Clock()
    rates = Rates(per_second, clock)
    for events in batches:
        clock.at += rates.wait("a")
        assert rates.wait("a") == 0
        rates.take("a", events)
    sent_before_the_last = sum(batches[:-1])

    assert sent_before_the_last <= per_second * (1 + clock.at) + 1e-6
