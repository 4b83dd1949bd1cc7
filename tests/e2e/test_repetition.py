"""Sent again, in any order, from many clients: the ledgers as if sent once."""

import asyncio
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

from tests.e2e.city import BATCH, City
from tests.e2e.events import Author, Event

CLIENTS = 4
TIMES = 3
# Small requests, so that the services see the events in many different batches.
AT_A_TIME = 25
# Milligrams per unit of the published factors, written down here a second time.
GRID_MG_PER_KWH = 515_300
TRANSFER_MG, BUS_MG, STEP_MG, SAVED_MG_PER_KWH = 23_096, 98_000, 20, 515_300
STRAW_SLOPE, STRAW_INTERCEPT, STRAW_MOST = Fraction("43.548"), Fraction("375.1"), 15
CARBON_TO_CO2 = Fraction(44, 12)


def kwh(hour: int) -> Decimal:
    return Decimal("12.3457") + hour * Decimal("0.7313")


def hourly(author: Author) -> list[Event]:
    """60 hours of a meter; some measured twice, some corrected."""
    events = []
    for hour in range(60):
        span: dict[str, Any] = {
            "start": f"2022-03-{1 + hour // 24:02}T{hour % 24:02}:00:00+08:00",
            "end": f"2022-03-{1 + (hour + 1) // 24:02}T{(hour + 1) % 24:02}:00:00+08:00",
        }
        first = author.reading(value=str(kwh(hour)), **span)
        events.append(first)
        if hour % 7 == 0:
            events.append(author.reading(value="999", quality="estimated", **span))
        if hour % 10 == 3:
            value = str(kwh(hour) + 1)
            events.append(author.reading(value=value, replaces=first["id"], **span))
    return events


def hourly_mg() -> int:
    """An estimate never beats a measurement; a correction replaces it."""
    used = [kwh(hour) + (1 if hour % 10 == 3 else 0) for hour in range(60)]
    return sum(round(Fraction(value) * GRID_MG_PER_KWH) for value in used)


def counter(author: Author) -> list[Event]:
    """A counter from 1,000 to 1,900 kWh in ten days."""
    return [
        author.register(f"2022-03-{day:02}T12:00:00+08:00", str(900 + 100 * day), meter_id=meter)
        for meter in (author.meter(1),)
        for day in range(1, 11)
    ]


def payments(author: Author) -> list[Event]:
    """One customer: 23 transfers of a day (20 count), one of them taken back; walking past its
    cap; two bus rides, one taken back; at the counter; power saved against the year before."""
    transfers = [author.payment() for _ in range(23)]
    rides = [author.payment(kind="bus_ride", channel="qr") for _ in range(2)]
    back = [
        author.payment(reverses=one["id"], kind=one["data"]["kind"])
        for one in (transfers[4], rides[1])
    ]
    walks = [author.payment(kind="walking", channel="partner", quantity="9000") for _ in range(2)]
    power = [
        author.payment(
            {"time": f"{year}-05-20T10:00:00+08:00"}, kind="electricity_saving", quantity=used
        )
        for year, used in ((2021, "200"), (2022, "150.5"))
    ]
    return [*transfers, *rides, *back, *walks, *power, author.payment(channel="counter")]


PAYMENTS_MG = 20 * TRANSFER_MG + BUS_MG + 15_000 * STEP_MG + 99 * SAVED_MG_PER_KWH // 2


def farm_records(author: Author) -> list[Event]:
    """Two returns of straw on one parcel, too much of it on another, soil on a third."""
    soil: dict[str, Any] = {
        "soil": "LAC",
        "land_use": "perennial",
        "input_before": "medium",
        "since": 2020,
    }
    till: dict[str, Any] = {
        "tillage_before": "full",
        "tillage_after": "full",
        "input_after": "high_manure",
    }
    return [
        author.straw(parcel_id="a", area_ha="33.33", straw_kg_per_ha="1000"),
        author.straw(parcel_id="a", area_ha="33.33", straw_kg_per_ha="1234.5"),
        author.straw(parcel_id="b", area_ha="7", straw_kg_per_ha="20000"),
        author.farm_record(pathway="soil_carbon", parcel_id="c", area_ha="77.32", **soil, **till),
    ]


def straw_t(area_ha: str, t_per_ha: str) -> Fraction:
    amount = min(Fraction(t_per_ha), Fraction(STRAW_MOST))
    return Fraction(area_ha) * (STRAW_SLOPE * amount + STRAW_INTERCEPT) / 1000 * CARBON_TO_CO2


def tonnes(*milligrams: int) -> str:
    return format((Decimal(sum(milligrams)) / 10**9).normalize(), "f")


def to_mg(exact_t: Fraction) -> int:
    return round(exact_t * 10**9)


def grams(milligrams: int) -> str:
    return f"{Decimal(milligrams) / 1000:.3f}"


async def send_from(city: City, client: str, batches: Iterable[list[Event]]) -> None:
    bearer = {"authorization": f"Bearer {city.token(client=client)}"}
    for batch in batches:
        for first in range(0, len(batch), AT_A_TIME):
            answer = await city.post(batch[first : first + AT_A_TIME], BATCH, bearer)
            assert (answer.status_code, answer.json()["rejected"]) == (202, []), answer.text


async def test_sent_three_times_shuffled_by_four_clients_at_once(
    city: City, author: Author
) -> None:
    await city.register_enterprise(author)
    await city.register_meter(author)
    await city.register_meter(author, 1, kind="register")
    await city.register_farm(author)
    # Half a milligram: one of the places where rounding must be half-even, and only once.
    verified = author.activity(quantity="3.1415926535")
    batch = [
        *hourly(author), *counter(author), *payments(author), *farm_records(author), verified,
    ]  # fmt: skip
    chance = Random(5)
    shuffled = {
        f"client-{n}": [chance.sample(batch, len(batch)) for _ in range(TIMES)]
        for n in range(CLIENTS)
    }

    await asyncio.gather(*(send_from(city, name, sent) for name, sent in shuffled.items()))
    await city.settled()

    electricity = hourly_mg() + 900 * GRID_MG_PER_KWH
    power = await city.industrial(author, 2022)
    assert power["energy_t"] == tonnes(electricity)
    assert (await city.industrial(author, 2020))["process_t"] == "3.141592654"
    soil_mg = to_mg(Fraction("77.32") * 55 * Fraction("0.72") * Fraction("0.44") / 20 * 44 / 12)
    straw_mg = [to_mg(straw_t("33.33", "2.2345")), to_mg(straw_t("7", "20"))]
    farm = await city.agri(author, 2020)
    assert (farm["straw_t"], farm["soil_t"]) == (tonnes(*straw_mg), tonnes(soil_mg))
    assert farm["neutralised_t"] == tonnes(*straw_mg, soil_mg)
    person = author.person()
    assert (await city.personal(person))["reduction_g"] == grams(PAYMENTS_MG)
    found = await city.points(person)
    assert (found["balance"], found["claim"]) == (grams(PAYMENTS_MG), "0.000")
    await _sums_are_of_entries(city, author, electricity)


async def _sums_are_of_entries(city: City, author: Author, electricity: int) -> None:
    """What the accounts show is what their entries add up to, each event having one origin."""

    async def listed(service: str, path: str) -> list[dict[str, Any]]:
        answer = await city.get(service, f"{path}?limit=1000")
        assert answer["next"] is None
        return list(answer["items"])

    entries = await listed("industrial", f"/v1/enterprises/{author.enterprise}/entries")
    metered = [e["amount_mg"] for e in entries if e["meter_id"]]
    assert sum(metered) == electricity
    saved = await listed("personal", f"/v1/accounts/{author.person()}/entries")
    assert sum(Decimal(e["reduction_g"]) * 1000 for e in saved) == PAYMENTS_MG
    paid = [e["event_id"] for e in saved if e["event_id"]]
    assert len(paid) == len(set(paid)) == len(payments(author))


async def test_the_same_id_with_other_content(city: City, author: Author) -> None:
    await city.register_enterprise(author)
    await city.register_meter(author)
    reading, payment = author.reading(value="1000"), author.payment()
    await city.send(reading, payment)
    await city.settled()

    other_reading = {**reading, "data": {**reading["data"], "value": "1000.001"}}
    other_payment = {**payment, "data": {**payment["data"], "kind": "loan"}}
    # Another spelling of the same content is a repetition, not a conflict.
    spelled = {**reading, "data": {**reading["data"], "value": 1000.00}, "traceparent": "x"}
    for _ in range(2):
        await city.send(other_reading, other_payment, spelled)
    await city.settled()

    assert (await city.industrial(author, 2022))["energy_t"] == "0.5153"
    assert (await city.personal(author.person()))["reduction_g"] == "23.096"
    assert (await city.points(author.person()))["balance"] == "23.096"
    listed = city.up.run("dead-letters", "list", "--reason", "conflict", "--limit", "1000")
    assert listed.returncode == 0, listed.stderr
    lines = listed.stdout.splitlines()
    for service, event in (("industrial", reading), ("personal", payment)):
        about = [n for n, line in enumerate(lines) if f"event {event['id']!r} of" in line]
        assert len(about) == 1, listed.stdout
        assert f" {service} conflict " in lines[about[0] - 1]
