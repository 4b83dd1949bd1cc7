"""Meter readings into the industrial accounts: 600 enterprises, three meters each."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from random import Random

import msgspec

from benchmarks import BenchmarkError, follow, limit, report, stage
from benchmarks.load import SEED, YEAR, Record
from benchmarks.options import Options
from benchmarks.produce import fill
from benchmarks.profile import profiled
from benchmarks.report import Figure, Result
from benchmarks.stage import Stage
from shared.database import Connection
from tanzhang.cloudevents import cloud_event
from tanzhang.simulation.calendar import OFFSET
from tanzhang.simulation.catalogue import CARRIERS
from tanzhang.simulation.enterprises import enterprise, registrations
from tanzhang.simulation.registering import register
from tanzhang.simulation.registration import Registration

ENTERPRISES = 600
QUARTER = timedelta(minutes=15)
# Carrier -> quarters of an hour between its readings, and the most that one of them reads.
METERS = {"electricity": (1, 400.0), "natural_gas": (4, 90.0), "heat": (4, 25.0)}
ESTIMATED_SHARE = 0.02
READING = "cn.tanzhang.meter.reading.v1"

CHECK = """
select (select count(*) from fact) as facts,
    (select count(*) from parked) + (select count(*) from dead_letter) as aside,
    (select coalesce(sum(amount_mg), 0)::bigint from ledger_entry) as entered,
    (select coalesce(sum(balance), 0)::bigint from account) as balance
"""


async def run(options: Options) -> list[Result]:
    """Readings per second from the first one posted to the last."""
    size = options.size("readings")
    ids = [enterprise(SEED, index).id for index in range(ENTERPRISES)]
    records = [reading for reading, _ in zip(_readings(ids), range(size), strict=False)]
    async with stage.standing(options, ("industrial",)) as here:
        await _register(here)
        await fill(here.settings, "meter-readings", records)
        async with here.connected("industrial") as connection:
            await here.start("industrial", processes=options.workers)
            seen = await follow.reach(here, connection, 1)
            began = time.time()
            watch = here.watch()
            watch.begin()
            with profiled(options, here, ("industrial",)):
                await follow.reach(here, connection, size)
            seconds = time.time() - began
            usage = watch.end()
            await _check(connection, size)
        await here.stop()
        bare = await limit.readings(here, size)
    rate = (size - seen) / seconds
    return [
        Result(
            name="readings",
            broker=report.broker_name(options),
            input={"readings": size, "enterprises": ENTERPRISES, "meters": 3 * ENTERPRISES},
            figures={
                "readings posted": Figure(round(rate, 1), "per second", round(rate / bare, 3)),
                "bare posting": Figure(round(bare, 1), "per second"),
                "duration": Figure(round(seconds, 2), "s"),
            },
            processes=usage,
            events=size - seen,
        )
    ]


async def _register(here: Stage) -> None:
    """Enterprises and meters over HTTP, by a process that is gone before the measuring."""
    await here.start("industrial", role="api")
    url = f"http://127.0.0.1:{here.ports['industrial'][0]}"
    registered = sorted(_registrations(), key=lambda one: one.stage)
    await register(registered, {"industrial": url}, here.token())
    await here.stop("industrial")


def _registrations() -> Iterator[Registration]:
    for index in range(ENTERPRISES):
        one = enterprise(SEED, index)
        yield next(registrations(one))
        for carrier in METERS:
            body = {
                "enterprise_id": one.id,
                "carrier": carrier,
                "unit": CARRIERS[carrier].unit,
                "kind": "interval",
            }
            yield Registration("industrial", f"/v1/meters/{_meter(one.id, carrier)}", body, stage=1)


def _meter(id: str, carrier: str) -> str:
    return f"{id}-{carrier}-live"


def _readings(ids: list[str]) -> Iterator[Record]:
    """Quarter by quarter, what ends then, enterprises in random order."""
    chance = Random(f"{SEED}:readings")
    encode = msgspec.json.Encoder().encode
    start = datetime(YEAR, 3, 1, tzinfo=OFFSET)
    for quarter in count(1):
        for id in chance.sample(ids, len(ids)):
            for carrier, (quarters, most) in METERS.items():
                if quarter % quarters == 0:
                    end = start + quarter * QUARTER
                    event = _reading(chance, id, carrier, end - quarters * QUARTER, end, most)
                    yield id.encode(), encode(event)


def _reading(
    chance: Random, id: str, carrier: str, start: datetime, end: datetime, most: float
) -> dict[str, object]:
    meter = _meter(id, carrier)
    return cloud_event(
        READING,
        source=CARRIERS[carrier].source,
        id=f"{meter}-{end:%Y-%m-%dT%H:%M}",
        subject=id,
        time=end,
        data={
            "meter_id": meter,
            "kind": "interval",
            "start": start,
            "end": end,
            "value": f"{chance.uniform(0, most):.2f}",
            "unit": CARRIERS[carrier].unit,
            "quality": "estimated" if chance.random() < ESTIMATED_SHARE else "actual",
        },
    )


async def _check(connection: Connection, readings: int) -> None:
    row = await connection.fetchrow(CHECK)
    assert row is not None
    expected = (readings, 0, row["balance"])
    if (row["facts"], row["aside"], row["entered"]) != expected:
        raise BenchmarkError(f"the ledger doesn't agree with {readings} readings: {dict(row)}")
