"""From the door to the ledgers, and on to what finance platforms read from the topics."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import asyncpg
import msgspec
import pytest
from aiokafka import ConsumerRecord
from jsonschema import Draft202012Validator

from shared.events import validation
from shared.events.envelope import Envelope, Event, decode
from shared.events.types import LabelChanged, PointsMoved
from tests.e2e.city import City
from tests.e2e.events import Author

CONTENT_TYPE = b"application/cloudevents+json; charset=UTF-8"
LABEL = "cn.tanzhang.label.changed.v1"
CREDITED = "cn.tanzhang.points.credited.v1"
REVERSED = "cn.tanzhang.points.reversed.v1"
PARKED = "select waits_for from industrial.parked where source = $1"


async def read_as_a_platform(
    city: City, records: Sequence[ConsumerRecord], key: str
) -> list[Event]:
    """The events of records of one key, held against everything that is promised about them."""
    events = []
    for record in records:
        assert record.key == key.encode()
        assert ("content-type", CONTENT_TYPE) in record.headers
        validation.check_bytes(record.value)
        validation.check_envelope(msgspec.json.decode(record.value, type=Envelope))
        document = msgspec.json.decode(record.value)
        schema = await city.get("ingest", f"/v1/event-types/{document['type']}/schema")
        Draft202012Validator(schema).validate(document)
        events.append(decode(record.value, strict=False))
        assert events[-1].subject == key
    order = [(event.data.epoch, event.data.sequence) for event in events]  # type: ignore[attr-defined]
    assert order == sorted(set(order)), "epoch and sequence rise from record to record"
    assert len({(event.source, event.id) for event in events}) == len(events)
    return events


def months(author: Author, value: str) -> list[dict[str, Any]]:
    """A reading for each month of 2022."""
    starts = [f"{2022 + n // 12}-{n % 12 + 1:02}-01T00:00:00+08:00" for n in range(13)]
    return [author.reading(start=start, end=end, value=value) for start, end in pairwise(starts)]


async def test_readings_make_an_account_and_a_label(city: City, author: Author) -> None:
    product, key = f"glass-{author.name}", f"industrial:{author.enterprise}"
    await city.register_enterprise(author, product=product, sector="3041")
    await city.register_meter(author)
    path = f"/v1/benchmarks/3041/2022?product={product}"
    cuts = {"deep_green": "0.8", "light_green": "1", "yellow": "1.2"}
    body = {"unit": "t", "benchmark": "0.05", "kind": "norm", "source": "example"}
    await city.put("grading", path, product=product, cuts=cuts, **body)

    async def account() -> dict[str, Any]:
        return await city.industrial(author, 2022)

    async def label() -> dict[str, Any]:
        return await city.get("grading", f"/v1/labels/industrial/{author.enterprise}")

    # 12 x 10,000 kWh x 0.5153 kg = 61.836 t; over 1,030.6 t that is exactly 0.06.
    await city.send(*months(author, "10000"))
    await city.shows(account, energy_t="61.836", months_energy=12, intensity=None)
    await city.shows(label, label="ungraded")
    whole_year: dict[str, Any] = {"start": "2022-01-01", "end": "2023-01-01"}
    await city.send(author.production(product, "1030.6", **whole_year))
    await city.shows(account, output="1030.6", intensity="0.060000", months_output=12)
    # A ratio of exactly 1.2 is still yellow: cuts are inclusive upper bounds.
    found = await city.shows(label, label="yellow", ratio="1.200000")
    assert found["expired"] is False
    left = datetime.fromisoformat(found["valid_until"]) - datetime.now(UTC)
    assert timedelta(days=364) < left < timedelta(days=367)
    avoided: dict[str, Any] = {"activity": "direct.avoided_co2", "quantity": "20.612", **whole_year}
    await city.send(author.activity(**avoided))
    await city.shows(label, label="deep_green", ratio="0.800000", year=2022)

    def has_come(records: list[ConsumerRecord]) -> bool:
        return bool(records) and b'"label":"deep_green"' in records[-1].value

    records = await city.records("label-changes", key, has_come)
    changes = [event.data for event in await read_as_a_platform(city, records, key)]
    assert all(isinstance(change, LabelChanged) for change in changes)
    labels = [(c.previous, c.label) for c in changes if isinstance(c, LabelChanged)]
    assert labels[-2:] == [("ungraded", "yellow"), ("yellow", "deep_green")]
    last = changes[-1]
    assert isinstance(last, LabelChanged)
    assert (last.year, last.current.year, last.current.label) == (2022, 2022, "deep_green")
    assert last.ratio == Decimal("0.8") and set(last.reason) >= {"en", "zh"}


async def waiting_for(city: City, author: Author) -> list[str]:
    """What the industrial events of an author are parked for."""
    connection = await asyncpg.connect(city.settings.database("industrial"))
    try:
        rows = await connection.fetch(PARKED, author.source)
    finally:
        await connection.close()
    return [row[0] for row in rows]


async def test_a_reading_waits_for_its_meter(city: City, author: Author) -> None:
    reading = author.reading(value="1000")
    await city.send(reading, reading)
    await city.settled()
    assert await waiting_for(city, author) == ["enterprise"]
    await city.register_enterprise(author)
    assert await waiting_for(city, author) == [f"meter:{author.meter()}"]
    assert (await city.industrial(author, 2022))["energy_t"] == "0"

    await city.register_meter(author)

    # Posted with the registration: nothing has to come after it.
    assert (await city.industrial(author, 2022))["energy_t"] == "0.5153"
    assert await waiting_for(city, author) == []
    await city.send(reading)
    await city.settled()
    assert (await city.industrial(author, 2022))["energy_t"] == "0.5153"


async def test_a_payment_becomes_grams_and_points_and_is_taken_back(
    city: City, author: Author
) -> None:
    person, wealth = author.person(), author.payment(kind="wealth", channel="mobile")
    back = author.payment(kind="wealth", reverses=wealth["id"])

    async def grams() -> dict[str, Any]:
        return await city.personal(person)

    async def points() -> dict[str, Any]:
        return await city.points(person)

    await city.send(author.payment(), wealth)
    await city.shows(grams, reduction_g="69.288")
    await city.shows(points, balance="69.288")
    await city.send(back)
    await city.shows(grams, reduction_g="23.096")
    await city.shows(points, balance="23.096", tier="none")

    def has_come(records: list[ConsumerRecord]) -> bool:
        return any(REVERSED.encode() in record.value for record in records)

    records = await city.records("point-credits", person, has_come)
    events = await read_as_a_platform(city, records, person)
    moved = [(e.type, e.data.points) for e in events if isinstance(e.data, PointsMoved)]
    assert sorted(moved[:2]) == [(CREDITED, Decimal("23.096")), (CREDITED, Decimal("46.192"))]
    last = events[-1].data
    assert isinstance(last, PointsMoved)
    assert (events[-1].type, abs(last.points)) == (REVERSED, Decimal("46.192"))
    assert last.balance == Decimal("23.096")
    reductions = await city.records("personal-reductions", person, lambda found: len(found) == 3)
    totals = [event.data for event in await read_as_a_platform(city, reductions, person)]
    assert sum(data.reduction_g for data in totals) == Decimal("23.096")  # type: ignore[attr-defined]


@pytest.mark.parametrize("first", ["payment", "reversal"])
async def test_a_reversal_before_its_payment(city: City, author: Author, first: str) -> None:
    payment = author.payment()
    back = author.payment(reverses=payment["id"])
    both = [payment, back] if first == "payment" else [back, payment]

    for event in both:
        await city.send(event)
        await city.settled()

    assert (await city.personal(author.person()))["reduction_g"] == "0.000"
    marker = author.payment({"time": "2022-06-24T08:00:00+08:00"})
    await city.send(marker)
    await city.shows(lambda: city.points(author.person()), balance="23.096", claim="0.000")
