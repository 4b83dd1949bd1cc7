"""A day above what the same weekday usually uses."""

from datetime import date, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from services.industrial.domain import bands
from services.industrial.domain.bands import DayUse

DAY = date(2026, 5, 31)
ABOUT = ("line-1", "electricity", "kWh")


def uses(today: int, earlier: list[int], hours: int = 24) -> dict[date, DayUse]:
    found = {DAY: DayUse(Fraction(today), Fraction(24))}
    for week, quantity in enumerate(earlier, 1):
        found[DAY - timedelta(weeks=week)] = DayUse(Fraction(quantity), Fraction(hours))
    return found


def test_a_day_beyond_three_deviations_is_told_with_its_band() -> None:
    earlier = [100, 102, 98, 101, 99, 100, 103, 97]
    found = bands.above(ABOUT, uses(110, earlier), DAY)
    assert found is not None
    assert [found.median, found.days, found.value] == [100, 8, 110]
    # Median deviation 1.5: three standard deviations are 6.6717.
    assert found.band == 100 + Fraction("6.6717")
    assert bands.above(ABOUT, uses(106, earlier), DAY) is None
    said = bands.reason(found)
    assert said["en"] == (
        "line-1 used 110 kWh of purchased electricity on Sunday 2026-05-31; usual is at most "
        "106.672 kWh (median 100 kWh of 8 Sundays before)"
    )
    assert said["zh"] == (
        "line-1于2026-05-31(周日)用外购电力110 kWh,超出通常上限106.672 kWh"
        "(此前8个周日的中位数为100 kWh)"
    )


def test_a_constant_load_has_a_margin() -> None:
    assert bands.above(ABOUT, uses(104, [100] * 8), DAY) is None
    found = bands.above(ABOUT, uses(106, [100] * 8), DAY)
    assert found is not None
    assert found.band == 105


def test_a_trickle_on_a_day_of_rest_is_usual_and_work_is_not() -> None:
    rests = [0] * 8
    friday = {DAY - timedelta(days=2): DayUse(Fraction(1000), Fraction(24))}
    assert bands.above(ABOUT, uses(49, rests) | friday, DAY) is None
    found = bands.above(ABOUT, uses(51, rests) | friday, DAY)
    assert found is not None
    assert [found.median, found.band] == [0, 50]
    assert bands.above(ABOUT, uses(0, rests), DAY) is None
    later = {DAY + timedelta(days=1): DayUse(Fraction(9000), Fraction(24))}
    assert bands.above(ABOUT, uses(51, rests) | friday | later, DAY) == found


def test_four_weeks_are_needed_and_half_metered_days_do_not_count() -> None:
    assert bands.above(ABOUT, uses(900, [100] * 3), DAY) is None
    assert bands.above(ABOUT, uses(900, [100] * 4), DAY) is not None
    assert bands.above(ABOUT, uses(900, [50] * 8, hours=12), DAY) is None
    assert bands.above(ABOUT, {}, DAY) is None


def test_one_wild_week_does_not_widen_the_band() -> None:
    found = bands.above(ABOUT, uses(120, [100, 100, 100, 5000, 100, 100, 100, 100]), DAY)
    assert found is not None
    assert found.band == 105


@given(st.lists(st.integers(0, 10**6), min_size=4, max_size=8))
def test_the_usual_itself_is_never_above(earlier: list[int]) -> None:
    middle, most = bands.band([Fraction(n) for n in earlier], Fraction(max(earlier)))
    assert middle <= most
    assert bands.above(ABOUT, uses(sorted(earlier)[len(earlier) // 2 - 1], earlier), DAY) is None


def test_every_asset_and_day_is_looked_at() -> None:
    series = uses(900, [100] * 8)
    series[DAY - timedelta(days=1)] = DayUse(Fraction(1), Fraction(24))
    found = list(bands.all_above({ABOUT: series, ("", *ABOUT[1:]): series}, [DAY]))
    assert [one.asset_id for one in found] == ["", "line-1"]
