"""Meter readings into the industrial accounts: 600 enterprises, three or a hundred meters each."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count, islice
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

ENTERPRISES = 600
QUARTER = timedelta(minutes=15)
ESTIMATED_SHARE = 0.02
READING = "cn.tanzhang.meter.reading.v1"

METERS = """
insert into meter (id, valid_from, enterprise_id, carrier, unit, kind, multiplier, recorded_at)
select e.id || '-' || m.name, '1900-01-01', e.id, m.carrier, m.unit, 'interval', 1, now()
from enterprise e, unnest($1::text[], $2::text[], $3::text[]) m(name, carrier, unit)
"""
CHECK = """
select (select count(*) from fact) as facts,
    (select count(*) from parked) + (select count(*) from dead_letter) as aside,
    (select coalesce(sum(amount_mg), 0)::bigint from ledger_entry) as entered,
    (select coalesce(sum(balance), 0)::bigint from account) as balance
"""


@dataclass(slots=True, frozen=True)
class Meter:
    """`quarters` of an hour between its readings, and the most that one of them reads."""

    name: str
    carrier: str
    quarters: int
    most: float


@dataclass(slots=True, frozen=True)
class Form:
    """A benchmark: its name, and what is metered in each enterprise."""

    name: str
    meters: tuple[Meter, ...]


CARRIERS_METERED = Form(
    "readings",
    (
        Meter("electricity-live", "electricity", 1, 400.0),
        Meter("natural_gas-live", "natural_gas", 4, 90.0),
        Meter("heat-live", "heat", 4, 25.0),
    ),
)
# A week of this is 40 million readings.
DEVICES_METERED = Form(
    "devices", tuple(Meter(f"device-{n:03}", "electricity", 1, 40.0) for n in range(100))
)


async def run(options: Options) -> list[Result]:
    """Three meters in each enterprise."""
    return await measure(options, CARRIERS_METERED)


async def measure(options: Options, form: Form) -> list[Result]:
    """Readings per second from the first one posted to the last."""
    size = options.size(form.name)
    ids = [enterprise(SEED, index).id for index in range(ENTERPRISES)]
    async with stage.standing(options, ("industrial",)) as here:
        await _register(here, form)
        await fill(here.settings, "meter-readings", islice(_readings(ids, form), size))
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
            name=form.name,
            broker=report.broker_name(options),
            input={
                "readings": size,
                "enterprises": ENTERPRISES,
                "meters": len(form.meters) * ENTERPRISES,
            },
            figures={
                "readings posted": Figure(round(rate, 1), "per second", round(rate / bare, 3)),
                "bare posting": Figure(round(bare, 1), "per second"),
                "duration": Figure(round(seconds, 2), "s"),
            },
            processes=usage,
            events=size - seen,
        )
    ]


async def _register(here: Stage, form: Form) -> None:
    """Enterprises over HTTP, by a process that is gone before the measuring; then their meters."""
    await here.start("industrial", role="api")
    url = f"http://127.0.0.1:{here.ports['industrial'][0]}"
    first = [next(iter(registrations(enterprise(SEED, index)))) for index in range(ENTERPRISES)]
    await register(first, {"industrial": url}, here.token())
    await here.stop("industrial")
    async with here.connected("industrial") as connection:
        names, carriers = ([getattr(m, of) for m in form.meters] for of in ("name", "carrier"))
        await connection.execute(METERS, names, carriers, [CARRIERS[c].unit for c in carriers])
        await connection.execute("analyze")


def _readings(ids: list[str], form: Form) -> Iterator[Record]:
    """Quarter by quarter, what ends then, enterprises in random order."""
    chance = Random(f"{SEED}:readings")
    encode = msgspec.json.Encoder().encode
    start = datetime(YEAR, 3, 1, tzinfo=OFFSET)
    for quarter in count(1):
        for id in chance.sample(ids, len(ids)):
            for meter in form.meters:
                if quarter % meter.quarters == 0:
                    end = start + quarter * QUARTER
                    yield id.encode(), encode(_reading(chance, id, meter, end))


def _reading(chance: Random, id: str, meter: Meter, end: datetime) -> dict[str, object]:
    name = f"{id}-{meter.name}"
    return cloud_event(
        READING,
        source=CARRIERS[meter.carrier].source,
        id=f"{name}-{end:%Y-%m-%dT%H:%M}",
        subject=id,
        time=end,
        data={
            "meter_id": name,
            "kind": "interval",
            "start": end - meter.quarters * QUARTER,
            "end": end,
            "value": f"{chance.uniform(0, meter.most):.2f}",
            "unit": CARRIERS[meter.carrier].unit,
            "quality": "estimated" if chance.random() < ESTIMATED_SHARE else "actual",
        },
    )


async def _check(connection: Connection, readings: int) -> None:
    row = await connection.fetchrow(CHECK)
    assert row is not None
    expected = (readings, 0, row["balance"])
    if (row["facts"], row["aside"], row["entered"]) != expected:
        raise BenchmarkError(f"the ledger doesn't agree with {readings} readings: {dict(row)}")
