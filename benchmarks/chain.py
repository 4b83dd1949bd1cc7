"""Payments that lie in the topic, through the personal ledger into the points ledger."""

from benchmarks import agreement, follow, limit, load, report, stage
from benchmarks.options import Options
from benchmarks.produce import fill
from benchmarks.report import Figure, Result


async def run(options: Options) -> list[Result]:
    """The chain's rate; and, unless told otherwise, the bare one of the same entries."""
    prepared = load.payments(options.size("payments"))
    async with stage.standing(options, ("personal", "points")) as here:
        produced = await fill(here.settings, "payments", prepared.records)
        measured = await follow.chain(here, options, len(prepared))
        await agreement.check(here, prepared.unique)
        await here.stop()
        bare = None
        if options.limit:
            bare = await limit.measure(here, options, len(prepared), produced)
            report.save(options, bare)
    chained = result("chain", options, measured, bare)
    return [chained, bare] if bare else [chained]


def result(name: str, options: Options, run: follow.Run, bare: Result | None = None) -> Result:
    """The figures of a chain."""
    return Result(
        name=name,
        broker=report.broker_name(options),
        input={"payments": run.payments, "reductions": run.reductions, "workers": options.workers},
        figures={
            "payments through both ledgers": report.rate(options, run.rate, "per second"),
            "payments into the personal ledger": report.rate(
                options, run.personal_rate, "per second", "personal posting"
            ),
            "duration": Figure(round(run.seconds, 2), "s"),
        },
        processes=dict(run.usage),
        events=run.watched,
    )
