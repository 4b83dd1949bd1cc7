"""From a customer's bank to the customer's points, at a steady rate below the limit.

A payment's time runs from the moment its request was due (whether or not the client was late)
to the commit that made its points visible, as PostgreSQL notes it. That note is taken just
before the commit is flushed to disk; how long a flush takes stands beside it.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime

import msgspec

from benchmarks import BenchmarkError, agreement, client, follow, load, report, stage
from benchmarks.figures import milliseconds
from benchmarks.load import Load
from benchmarks.options import Options
from benchmarks.processes import Usage
from benchmarks.profile import profiled
from benchmarks.report import Figure, Result
from benchmarks.stage import Stage
from services.personal.handler import REDUCTION
from shared.events.ids import derived_id, event_key

PAYMENTS_PER_SECOND = 2_000
BATCH = 20
WARM_SECONDS = 3
SETTINGS = {"track_commit_timestamp": "on", "track_wal_io_timing": "on"}

POSTED = """
select e.event_key, s.subject, pg_xact_commit_timestamp(e.xmin), e.sequence is not null
from ledger_entry e join subject s using (account) where e.line = 0
"""
EARNED = "select cause, pg_xact_commit_timestamp(xmin) from posting where line = 0"
FLUSHES = """
select coalesce(sum(fsync_time) / nullif(sum(fsyncs), 0), 0)::float8
from pg_stat_io where object = 'wal'
"""


class _Identity(msgspec.Struct):
    source: str
    id: str


async def run(options: Options) -> list[Result]:
    """Quantiles of the way through the door, the first ledger and the second."""
    seconds = options.duration("latency_seconds")
    count = PAYMENTS_PER_SECOND * (seconds + WARM_SECONDS)
    prepared = load.payments(count, repeated=0.0)
    async with stage.standing(options, ("personal", "points"), postgres_settings=SETTINGS) as here:
        for service in ("points", "personal"):
            await here.start(service)
            await here.joined(service)
        await here.start("ingest", role="api")
        answers, usage = await _send(here, options, prepared)
        await agreement.check(here, prepared.unique)
        figures = await _figures(here, prepared, answers)
    return [
        Result(
            name="latency",
            broker=report.broker_name(options),
            input={"payments per second": PAYMENTS_PER_SECOND, "seconds": seconds, "batch": BATCH},
            figures=figures,
            processes=usage,
            events=len(prepared),
        )
    ]


async def _send(
    here: Stage, options: Options, prepared: Load
) -> tuple[list[client.Answer], dict[str, Usage]]:
    plan = client.paced(
        here.ports["ingest"], here.token(), prepared.records, BATCH, PAYMENTS_PER_SECOND
    )
    async with AsyncExitStack() as stack:
        personal = await stack.enter_async_context(here.connected("personal"))
        points = await stack.enter_async_context(here.connected("points"))
        sender = stack.enter_context(client.sending(plan))
        watch = here.watch(client=[sender.pid])
        watch.begin()
        stack.enter_context(profiled(options, here, ("ingest", "personal", "points")))
        answers = await sender.answers()
        usage = watch.end()
        await follow.reach(here, personal, len(prepared))
        await follow.reach(here, points, await personal.fetchval(follow.TOLD))
        await asyncio.sleep(0.5)
    return answers, usage


async def _figures(
    here: Stage, prepared: Load, answers: Sequence[client.Answer]
) -> dict[str, Figure]:
    due = {answer.number: answer.due for answer in answers}
    counted_from = min(due.values()) + WARM_SECONDS
    sent = {_key(value): due[number // BATCH] for number, (_, value) in enumerate(prepared.records)}
    async with here.connected("personal") as personal, here.connected("points") as points:
        posted = await personal.fetch(POSTED)
        earned: dict[str, datetime] = {row[0]: row[1] for row in await points.fetch(EARNED)}
        flush = await points.fetchval(FLUSHES)
    personal_ms, points_ms = [], []
    for key, subject, committed, is_told in posted:
        if (begin := sent[key]) < counted_from:
            continue
        personal_ms.append((committed.timestamp() - begin) * 1000)
        if is_told:
            at = earned[derived_id(REDUCTION, subject, key.hex(), "0")]
            points_ms.append((at.timestamp() - begin) * 1000)
    if not points_ms:
        raise BenchmarkError("no payment was measured")
    door_ms = [a.milliseconds for a in answers if a.due >= counted_from]
    return {
        **milliseconds("accepted (202)", door_ms),
        **milliseconds("posted in personal", personal_ms),
        **milliseconds("posted in points", points_ms),
        "flush to disk, mean": Figure(round(flush, 2), "ms"),
        "payments measured": Figure(len(points_ms), "payments"),
    }


_identity = msgspec.json.Decoder(_Identity)


def _key(value: bytes) -> bytes:
    found = _identity.decode(value)
    return event_key(found.source, found.id)
