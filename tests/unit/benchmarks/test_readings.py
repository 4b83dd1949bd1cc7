"""What the benchmarks of readings send is valid at the door, and every result has its place."""

from datetime import UTC, datetime
from itertools import islice

import pytest

from benchmarks import table
from benchmarks.__main__ import _ALL
from benchmarks.options import SHORT, STANDARD
from benchmarks.readings import CARRIERS_METERED, DEVICES_METERED, Form, _readings
from shared.events.envelope import decode
from shared.events.types import MeterReading
from tanzhang.simulation.enterprises import enterprise

IDS = [enterprise(1, index).id for index in range(5)]


@pytest.mark.parametrize(("form", "quarter"), [(CARRIERS_METERED, 5), (DEVICES_METERED, 500)])
def test_readings_are_valid_and_each_is_another(form: Form, quarter: int) -> None:
    records = list(islice(_readings(IDS, form), 2 * quarter))
    events = [decode(value, strict=True) for _, value in records]
    assert [key.decode() for key, _ in records] == [event.subject for event in events]
    assert len({event.key for event in events}) == len(events)
    data = [event.data for event in events if isinstance(event.data, MeterReading)]
    assert len(data) == len(events)
    # Nothing of the second quarter of an hour comes before all of the first.
    ends = [reading.end for reading in data]
    assert len(set(ends[:quarter])) == 1
    assert ends[quarter] > ends[0] > datetime(2000, 1, 1, tzinfo=UTC)


def test_a_week_of_all_devices_is_forty_million_readings() -> None:
    assert 600 * len(DEVICES_METERED.meters) * 7 * 24 * 4 == 10.08 * STANDARD["devices"]


def test_every_benchmark_has_its_place_on_the_page_and_a_short_form() -> None:
    assert set(table.ORDER) == {*_ALL, "limit"}
    assert STANDARD.keys() == SHORT.keys()
