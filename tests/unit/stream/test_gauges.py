"""What is dear to measure is measured less often."""

from hypothesis import given
from hypothesis import strategies as st

from shared import metrics
from shared.stream.gauges import MEASURE_SECONDS, MEASURE_SECONDS_MAX, SHARE_MAX, pause


@given(st.floats(0, 60))
def test_measuring_takes_a_small_part_of_the_time(took: float) -> None:
    rest = pause(took)

    assert MEASURE_SECONDS <= rest <= MEASURE_SECONDS_MAX
    assert rest >= took / SHARE_MAX or rest == MEASURE_SECONDS_MAX


def test_an_ordinary_city_is_measured_once_a_minute() -> None:
    assert pause(0.4) == MEASURE_SECONDS


def test_figures_of_one_process_can_be_gone_from_all_others() -> None:
    assert all(gauge._labelnames for gauge in metrics.CITY)
