"""Point credits to finance platforms: how many deliveries a second, for what CPU, how old.

The credits lie in the topic as the points service leaves them, of accounts at random; the process
that delivers them is the real one, the receivers are a process that does next to nothing. Each run
first delivers what has piled up, then credits that come at a steady rate.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count, islice
from random import Random

import httpx
from aiokafka import AIOKafkaProducer

from benchmarks import BenchmarkError, report, stage
from benchmarks.figures import milliseconds
from benchmarks.load import ACCOUNTS, SEED, Record
from benchmarks.options import Options
from benchmarks.processes import Usage
from benchmarks.produce import fill
from benchmarks.profile import profiled
from benchmarks.receivers import Delivery, Receivers, receiving
from benchmarks.report import Figure, Result
from benchmarks.stage import Stage
from shared.database import Connection
from shared.events.envelope import Outgoing, encode
from shared.events.ids import derived_id
from shared.events.kafka import HEADERS
from shared.events.types import PointsMoved
from shared.kafka import producer_options
from shared.webhooks.signing import new_secret
from tanzhang.simulation.payments import account_id

CREDITED = "cn.tanzhang.points.credited.v1"
TOPIC = "point-credits"
CREDITS_PER_ACCOUNT = 10
# Deliveries a second while ages are measured, sent in pieces ten times a second.
STEADY = 100
PIECES = 10
PATIENCE_SECONDS = 60
LOOK_SECONDS = 0.05

WAITING = """
select count(*) from webhook_delivery where state = 'pending' and subscription = any($1::uuid[])
"""


@dataclass(slots=True, frozen=True)
class Variant:
    """Who is told. A dead receiver is one of them."""

    name: str
    receivers: int
    dead: tuple[int, ...] = ()

    @property
    def living(self) -> int:
        return self.receivers - len(self.dead)


VARIANTS = (
    Variant("1 subscription", 1),
    Variant("10 subscriptions", 10),
    Variant("10, one dead", 10, dead=(9,)),
)


@dataclass(slots=True, frozen=True)
class Run:
    """What a variant came to."""

    rate: float
    ages_ms: Sequence[float]
    usage: dict[str, Usage]
    deliveries: int


@dataclass(slots=True)
class Credits:
    """Credits of accounts at random, each with the sequence of its account, timed as they are asked for."""

    accounts: int
    sent: int = 0

    def records(self) -> Iterator[Record]:
        chance, last = Random(f"{SEED}:credits"), Counter[int]()
        for number in count():
            index = chance.randrange(self.accounts)
            last[index] += 1
            self.sent = number + 1
            yield _credit(account_id(SEED, index), last[index], number)


async def run(options: Options) -> list[Result]:
    """Rates, CPU and ages of all variants; others must not suffer from a dead receiver."""
    size, seconds = options.size("delivered"), options.duration("webhook_seconds")
    runs = {variant: await _measure(options, variant, size, seconds) for variant in VARIANTS}
    alone, all_live, one_dead = (runs[variant].rate for variant in VARIANTS)
    figures: dict[str, Figure] = {}
    for variant, found in runs.items():
        cpu = found.usage["points"].cpu_seconds * 1000 / found.deliveries
        figures |= {
            f"{variant.name}: delivered": Figure(round(found.rate, 1), "per second"),
            f"{variant.name}: CPU of the sender": Figure(round(cpu, 3), "ms per delivery"),
            **milliseconds(f"{variant.name}: age", found.ages_ms),
        }
    return [
        Result(
            name="webhooks",
            broker=report.broker_name(options),
            input={"deliveries": size, "then per second": STEADY, "seconds": seconds},
            figures=figures
            | {
                "10 to 1 subscription": Figure(round(all_live / alone, 3), "of the rate"),
                "one dead to none": Figure(round(one_dead / all_live, 3), "of the rate"),
            },
            processes={
                f"{name} ({variant.name})": usage
                for variant, found in runs.items()
                for name, usage in found.usage.items()
            },
            events=size,
            variants=True,
        )
    ]


async def _measure(options: Options, variant: Variant, size: int, seconds: int) -> Run:
    """Deliver about `size` of what has piled up, then what comes in so many seconds."""
    piled = size // variant.living
    credits = Credits(min(ACCOUNTS, piled // CREDITS_PER_ACCOUNT + 1))
    secrets = [new_secret() for _ in range(variant.receivers)]
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(stage.standing(options, ("points",)))
        receivers = stack.enter_context(receiving(secrets, variant.dead))
        connection = await stack.enter_async_context(here.connected("points"))
        await _know(connection, credits.accounts)
        ids = await _subscribe(here, receivers, secrets)
        await here.start("points", role="webhooks")
        await here.joined("points")
        watch = here.watch(receivers=[receivers.pid])
        watch.begin()
        with profiled(options, here, ("points",)):
            coming = credits.records()
            await fill(here.settings, TOPIC, list(islice(coming, piled)))
            await _taken(here, receivers, piled * variant.living)
        usage = watch.end()
        steady_from = time.time()
        await _steadily(here, coming, STEADY // variant.living, seconds)
        await _taken(here, receivers, credits.sent * variant.living)
        dead = [ids[number] for number in variant.dead]
        await _settled(here, connection, [id for id in ids if id not in dead], 0)
        await _settled(here, connection, dead, credits.sent * len(dead))
        found = await receivers.finish()
    _check(variant, credits.sent, found)
    first = [one for one in found if one.time < steady_from]
    took = first[-1].arrived - first[0].arrived
    ages = [(one.arrived - one.time) * 1000 for one in found if one.time >= steady_from]
    return Run(len(first) / took, ages, usage, len(first))


def _credit(subject: str, sequence: int, number: int) -> Record:
    points = Decimal("23.096")
    data = PointsMoved(
        epoch=1, sequence=sequence, points=points, balance=points * sequence, cause=str(number)
    )
    id = derived_id("benchmarks.credit", str(number))
    event = Outgoing(CREDITED, subject, id, "urn:tanzhang:points", datetime.now(UTC), data)
    return subject.encode(), encode(event)


async def _know(connection: Connection, accounts: int) -> None:
    """Let these persons have accounts: nobody else is told of."""
    await connection.copy_records_to_table(
        "account", columns=["number"], records=[(index,) for index in range(accounts)]
    )
    subjects = [(account_id(SEED, index), index) for index in range(accounts)]
    await connection.copy_records_to_table(
        "subject", columns=["subject", "account"], records=subjects
    )


async def _subscribe(here: Stage, receivers: Receivers, secrets: Sequence[str]) -> list[str]:
    """One subscription for each receiver, by the API as any platform; their ids."""
    await here.start("points", role="api")
    url = f"http://127.0.0.1:{here.ports['points'][0]}"
    headers = {"authorization": f"Bearer {here.token()}"}
    ids = []
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as http:
        for number, secret in enumerate(secrets):
            wish = {"url": receivers.url(number), "types": [CREDITED], "secret": secret}
            answer = await http.post("/v1/subscriptions", json=wish, timeout=10)
            if answer.status_code != httpx.codes.CREATED:
                raise BenchmarkError(f"subscribing: {answer.status_code} {answer.text[:300]}")
            ids.append(answer.json()["id"])
    await here.stop("points")
    return ids


async def _steadily(here: Stage, credits: Iterator[Record], per_second: int, seconds: int) -> None:
    """Send credits at a steady rate, a piece each tenth of a second."""
    name = here.settings.topic(TOPIC)
    producer = AIOKafkaProducer(**producer_options(here.settings))
    await producer.start()
    try:
        began, sent = time.monotonic(), 0
        for piece in range(1, seconds * PIECES + 1):
            await asyncio.sleep(max(began + piece / PIECES - time.monotonic(), 0))
            due = per_second * piece // PIECES
            for key, value in islice(credits, due - sent):
                await producer.send(name, value, key=key, headers=HEADERS)
            sent = due
        await producer.flush()
    finally:
        await producer.stop()


async def _taken(here: Stage, receivers: Receivers, wanted: int) -> None:
    """Wait until so many deliveries were taken; gives up when nothing comes for long."""
    last, moved = -1, time.monotonic()
    while (taken := receivers.taken.value) < wanted:
        here.check()
        receivers.check()
        if taken != last:
            last, moved = taken, time.monotonic()
        elif time.monotonic() - moved > PATIENCE_SECONDS:
            raise BenchmarkError(f"{taken} of {wanted} after {PATIENCE_SECONDS} s of rest")
        await asyncio.sleep(LOOK_SECONDS)


async def _settled(
    here: Stage, connection: Connection, subscriptions: Sequence[str], wanted: int
) -> None:
    """Wait until so many deliveries to these wait, and no more."""
    until = time.monotonic() + PATIENCE_SECONDS
    while (waiting := await connection.fetchval(WAITING, subscriptions)) != wanted:
        here.check()
        if time.monotonic() > until:
            raise BenchmarkError(f"{waiting} deliveries wait, not {wanted}")
        await asyncio.sleep(LOOK_SECONDS)


def _check(variant: Variant, credits: int, found: Sequence[Delivery]) -> None:
    """Raise BenchmarkError unless every living receiver was told all, once, in order."""
    ids = {derived_id("benchmarks.credit", str(number)) for number in range(credits)}
    for number in set(range(variant.receivers)) - set(variant.dead):
        taken = [one for one in found if one.receiver == number]
        if {one.id for one in taken} != ids:
            raise BenchmarkError(f"{variant.name}: receiver {number} was not told of all")
        if len(taken) != credits:
            raise BenchmarkError(f"{variant.name}: receiver {number}: {len(taken)} of {credits}")
        last = Counter[str]()
        for one in taken:
            if one.sequence <= last[one.subject]:
                raise BenchmarkError(f"{one.subject}: {one.sequence} after {last[one.subject]}")
            last[one.subject] = one.sequence
