"""Green Button files: what each of them says, and what makes one refused whole."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tanzhang.importers.green_button import UNITS, read_green_button
from tanzhang.importers.reading import Imported, ImportRefusedError, reading_event

DATA = Path(__file__).parents[4] / "shared" / "data" / "greenbutton"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="../shared/data/greenbutton is not there: real feeds to read"
)


def summary() -> list[dict[str, str]]:
    if not DATA.is_dir():
        return []
    with (DATA / "summary.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def kinds(row: dict[str, str]) -> dict[str, int]:
    pairs = (pair.partition("=") for pair in row["reading_types"].split())
    return {name: int(value) for name, _, value in pairs}


@needs_data
@pytest.mark.parametrize("row", summary(), ids=lambda row: row["file"])
def test_every_real_file_gives_its_readings_and_sum(row: dict[str, str]) -> None:
    with (DATA / row["file"]).open("rb") as stream:
        imported = read_green_button(stream, prefix="m")
    unit, one = UNITS[kinds(row)["uom"]]
    power = kinds(row)["powerOfTenMultiplier"]
    readings = imported.readings
    assert len(readings) == int(row["readings"])
    assert sum(r.value for r in readings) == int(row["sum_of_raw_values"]) * one.scaleb(power)
    assert {r.unit for r in readings} == {unit}
    assert len({r.meter_id for r in readings}) == int(row["usage_points"])
    assert (imported.repeated, imported.skipped) == (0, ())
    starts = [r.start.timestamp() for r in readings if r.start is not None]
    assert min(starts) == int(row["first_start_epoch"])
    assert max(starts) == int(row["last_start_epoch"])
    assert len({r.id for r in readings}) == len(readings)


@needs_data
@pytest.mark.parametrize("row", summary(), ids=lambda row: row["file"])
def test_a_real_file_that_is_cut_short_is_refused_whole(row: dict[str, str]) -> None:
    whole = (DATA / row["file"]).read_bytes()
    for share in (0.3, 0.6, 0.99):
        with pytest.raises(ImportRefusedError, match=r"^line \d+, XML: not well-formed"):
            read_green_button(io.BytesIO(whole[: int(len(whole) * share)]))


def block(*readings: str, path: str = "/U/1/MeterReading/1") -> str:
    return f"""<entry><link rel="self" href="{path}/IntervalBlock/1"/>
      <link rel="up" href="{path}/IntervalBlock"/><content>
      <IntervalBlock xmlns="http://naesb.org/espi">{"".join(readings)}</IntervalBlock>
      </content></entry>"""


def reading(
    start: object = 1333252800, duration: object = 3600, value: object = 7, extra: str = ""
) -> str:
    return (
        f"<IntervalReading>{extra}<timePeriod><duration>{duration}</duration>"
        f"<start>{start}</start></timePeriod><value>{value}</value></IntervalReading>"
    )


def feed(*blocks: str, series: int = 1, **fields: Any) -> io.BytesIO:
    """A feed of one usage point with `series` meter readings of one reading type."""
    fields = {"uom": 72, "powerOfTenMultiplier": 0, "accumulationBehaviour": 4} | fields
    kind = "".join(f"<{n}>{v}</{n}>" for n, v in fields.items() if v is not None)
    points = """<entry><link rel="self" href="/U/1"/><link rel="related" href="/U/1/MeterReading"/>
      <content><UsagePoint xmlns="http://naesb.org/espi"/></content></entry>"""
    meters = "".join(
        f"""<entry><link rel="self" href="/U/1/MeterReading/{n}"/>
        <link rel="up" href="/U/1/MeterReading"/><link rel="related" href="/T/1"/>
        <content><MeterReading xmlns="http://naesb.org/espi"/></content></entry>"""
        for n in range(1, series + 1)
    )
    types = f"""<entry><link rel="self" href="/T/1"/><content>
      <ReadingType xmlns="http://naesb.org/espi">{kind}</ReadingType></content></entry>"""
    text = (
        f'<feed xmlns="http://www.w3.org/2005/Atom">{points}{meters}{"".join(blocks)}{types}</feed>'
    )
    return io.BytesIO(text.encode())


def read(*readings: str, **fields: Any) -> Imported:
    return read_green_button(feed(block(*readings), **fields), prefix="m")


def test_interval_in_utc_scaled_by_its_reading_type() -> None:
    (found,) = read(reading(value=12345), powerOfTenMultiplier=-3, uom=169).readings
    assert (found.kind, found.unit, found.value) == ("interval", "therm", Decimal("12.345"))
    assert found.start == datetime(2012, 4, 1, 4, tzinfo=UTC)
    assert found.end == datetime(2012, 4, 1, 5, tzinfo=UTC)
    assert found.meter_id == "m-1"


@pytest.mark.parametrize(
    ("uom", "raw", "unit", "value"),
    [
        (31, 3_600_000, "MJ", "3.6"),
        (42, 5, "m3", "5"),
        (119, 5, "ft3", "5"),
        (128, 1000, "m3", "3.785411784"),
        (132, 100_000, "MJ", "105.505585262"),
        (134, 1500, "m3", "1.5"),
    ],
)
def test_units_of_the_standard_become_ours_exactly(
    uom: int, raw: int, unit: str, value: str
) -> None:
    (found,) = read(reading(value=raw), uom=uom).readings
    assert (found.unit, found.value) == (unit, Decimal(value))


@pytest.mark.parametrize("behaviour", [1, 2, 3])
def test_counters_become_register_readings_at_the_end(behaviour: int) -> None:
    readings = [reading(value=500), reading(start=1333256400, duration=0, value=507)]
    found = read(*readings, accumulationBehaviour=behaviour).readings
    assert [(r.kind, r.start, r.value) for r in found] == [
        ("register", None, Decimal(500)),
        ("register", None, Decimal(507)),
    ]
    assert [r.end.hour for r in found] == [5, 5]


def test_absent_accumulation_behaviour_means_intervals() -> None:
    assert read(reading(), accumulationBehaviour=None).readings[0].kind == "interval"


def test_equal_repeats_fall_together_and_different_ones_refuse() -> None:
    imported = read(reading(), reading(), reading(start=1333256400))
    assert (len(imported.readings), imported.repeated) == (2, 1)
    with pytest.raises(ImportRefusedError, match=r"line \d+, value: 8 .* but line \d+ says 7"):
        read(reading(), reading(value=8))


def test_intervals_of_zero_length_are_left_out_and_reported() -> None:
    imported = read(reading(), reading(start=1333256400, duration=0, value=3))
    assert len(imported.readings) == 1
    assert [(f.field, f.detail) for f in imported.skipped] == [
        ("duration", "3 over an interval of zero length")
    ]


@pytest.mark.parametrize(("code", "quality"), [(0, "actual"), (7, "substituted"), (8, "estimated")])
def test_quality_of_a_reading(code: int, quality: str) -> None:
    extra = f"<ReadingQuality><quality>{code}</quality></ReadingQuality>"
    assert read(reading(extra=extra)).readings[0].quality == quality


def test_several_series_of_a_usage_point_get_meters_of_their_own() -> None:
    blocks = [block(reading(), path=f"/U/1/MeterReading/{n}") for n in (1, 2)]
    found = read_green_button(feed(*blocks, series=2), prefix="m").readings
    assert [r.meter_id for r in found] == ["m-1-1", "m-1-2"]
    named = read_green_button(feed(*blocks, series=2), meters=["in", "out"]).readings
    assert [r.meter_id for r in named] == ["in", "out"]
    with pytest.raises(ImportRefusedError, match="expected 2 different meters"):
        read_green_button(feed(*blocks, series=2), meters=["one"])


def test_energy_that_flows_back_is_another_meter() -> None:
    assert read(reading(), flowDirection=19).readings[0].meter_id == "m-1-reverse"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"uom": 38}, r"line \d+, uom: unknown or not a quantity: 38; expected one of 3, 31, 42"),
        ({"uom": None}, "uom: expected a whole number, got ''"),
        ({"uom": "kWh"}, "uom: expected a whole number, got 'kWh'"),
        ({"accumulationBehaviour": 12}, "accumulationBehaviour: unknown"),
        ({"powerOfTenMultiplier": 99}, "powerOfTenMultiplier: expected -12 to 12, got 99"),
    ],
)
def test_a_reading_type_that_is_not_understood(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ImportRefusedError, match=message):
        read(reading(), **fields)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (reading(value=""), r"line \d+, value: expected a number, got ''"),
        (reading(value="1e5"), "value: expected a number, got '1e5'"),
        (reading(value="NaN"), "value: expected a number"),
        (reading(value="٣"), "value: expected a number"),
        (reading(start="2012-04-01"), "start: expected a whole number"),
        (reading(start="9" * 15), "start: expected an interval within 1970 to 9999"),
        (reading(duration=-60), "duration: expected 0 or more seconds, got -60"),
    ],
)
def test_one_faulty_reading_refuses_the_file(bad: str, message: str) -> None:
    with pytest.raises(ImportRefusedError, match=message):
        read(reading(), bad)


def test_all_faulty_readings_are_named() -> None:
    with pytest.raises(ImportRefusedError) as refused:
        read(reading(value="a"), reading(value="b"))
    assert len(refused.value.faults) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "not well-formed"),
        (b"<a/>", "expected an Atom feed"),
        (b'<!DOCTYPE f [<!ENTITY a "b">]><feed>&a;</feed>', "declarations are not allowed"),
        (b'<feed xmlns="http://www.w3.org/2005/Atom"/>', "no MeterReading with interval readings"),
        (b"<feed xmlns='http://www.w3.org/2005/Atom'>" + b"<a>" * 200, "nested deeper"),
    ],
)
def test_what_is_no_feed(text: bytes, message: str) -> None:
    with pytest.raises(ImportRefusedError, match=message):
        read_green_button(io.BytesIO(text))


def test_a_block_without_its_meter_reading() -> None:
    with pytest.raises(ImportRefusedError, match="is not linked to a MeterReading"):
        read_green_button(feed(block(reading(), path="/U/9/MeterReading/9")))


def test_the_event_is_the_same_at_every_import() -> None:
    first, second = (read(reading()).readings[0] for _ in range(2))
    event = reading_event(first, enterprise="E", source="s")
    assert event == reading_event(second, enterprise="E", source="s")
    assert event["time"] == event["data"]["end"] == "2012-04-01T05:00:00+00:00"
    assert event["data"]["value"] == "7"
    assert event["subject"] == "E"
