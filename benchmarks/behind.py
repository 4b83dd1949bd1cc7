"""Far behind, while new payments come in: how fast the backlog goes, and what the door feels."""

import time
from contextlib import AsyncExitStack

from benchmarks import agreement, client, follow, load, report, stage
from benchmarks.figures import milliseconds
from benchmarks.load import Load
from benchmarks.options import Options
from benchmarks.produce import fill
from benchmarks.report import Figure, Result
from benchmarks.stage import Stage

NEW_PER_SECOND = 1_000
BATCH = 20
# New payments are the same city's of another seed: other ids, so none is a repetition.
NEW_SEED = 8
NEW_PREPARED_SECONDS = 900


async def run(options: Options) -> list[Result]:
    """The rate at which both ledgers catch up, and the door's times meanwhile."""
    backlog = load.payments(options.size("behind"))
    seconds = min(NEW_PREPARED_SECONDS, 60 + len(backlog) // 2_000)
    fresh = load.payments(NEW_PER_SECOND * seconds, seed=NEW_SEED, repeated=0.0)
    async with stage.standing(options, ("personal", "points")) as here:
        await fill(here.settings, "payments", backlog.records)
        await here.start("ingest", role="api")
        return [await _catch_up(here, options, backlog, fresh)]


async def _catch_up(here: Stage, options: Options, backlog: Load, fresh: Load) -> Result:
    plan = client.paced(here.ports["ingest"], here.token(), fresh.records, BATCH, NEW_PER_SECOND)
    async with AsyncExitStack() as stack:
        personal = await stack.enter_async_context(here.connected("personal"))
        points = await stack.enter_async_context(here.connected("points"))
        await here.start("points", processes=options.workers)
        await here.joined("points")
        await here.start("personal", processes=options.workers)
        await follow.reach(here, personal, 1)
        began = time.time()
        sender = stack.enter_context(client.sending(plan))
        watch = here.watch(client=[sender.pid])
        watch.begin()
        caught_up, posted = await _until_caught_up(here, sender, len(backlog), len(fresh), began)
        usage = watch.end()
        answers = await sender.finish()
        accepted = sum(answer.accepted for answer in answers)
        await follow.reach(here, personal, len(backlog) + accepted)
        await follow.reach(here, points, await personal.fetchval(follow.TOLD))
    await agreement.check(here, backlog.unique + accepted)
    meanwhile = [a.milliseconds for a in answers if a.due < caught_up]
    return Result(
        name="behind",
        broker=report.broker_name(options),
        input={"behind": len(backlog), "new per second": NEW_PER_SECOND, "batch": BATCH},
        figures={
            "posted while catching up": report.rate(
                options, posted / (caught_up - began), "payments per second"
            ),
            "time to catch up": Figure(round(caught_up - began, 1), "s"),
            **milliseconds("door meanwhile:", meanwhile),
        },
        processes=usage,
        events=posted,
    )


async def _until_caught_up(
    here: Stage, sender: client.Client, behind: int, fresh: int, began: float
) -> tuple[float, int]:
    """When the points ledger is within a second of what comes in; how many payments were posted.

    At most `fresh` payments come in: then there is only the rest to catch up with.
    """
    async with here.connected("personal") as personal, here.connected("points") as points:
        wanted = behind
        while True:
            read = await follow.reach(here, personal, wanted, sender.check)
            come = min(fresh, int((time.time() - began - 1) * NEW_PER_SECOND))
            wanted = behind + come
            if read >= wanted:
                break
        await follow.reach(here, points, await personal.fetchval(follow.TOLD))
    return time.time(), read
