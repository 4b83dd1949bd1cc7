"""How long it takes to tell everybody what will expire."""

from datetime import timedelta

from services.points import expiry
from shared.stream.tick import TICK_SECONDS

PROVINCE = 65_000_000
# Of one tick: reading the years of so many accounts, and what the clock does besides.
WORK = timedelta(seconds=5)


def test_a_province_is_told_in_half_of_the_week_that_there_is() -> None:
    """Who is not told in time keeps the points: that must not be always the same last ones."""
    tick = timedelta(seconds=TICK_SECONDS) + WORK
    assert PROVINCE / expiry.ACCOUNTS_PER_TICK * tick < expiry.PASSING / 2
