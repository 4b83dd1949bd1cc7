"""The chain with one, two and four processes of each service, on the cores that there are."""

from dataclasses import replace

from benchmarks import agreement, follow, load, report, stage
from benchmarks.options import Options
from benchmarks.produce import fill
from benchmarks.report import Result

WORKERS = (1, 2, 4)


async def run(options: Options) -> list[Result]:
    """A chain for each number of workers, each on a stage of its own."""
    prepared = load.payments(options.size("payments"))
    result = Result(
        name="scale",
        broker=report.broker_name(options),
        input={"payments": len(prepared)},
        figures={},
        variants=True,
        events=len(prepared),
    )
    for workers in WORKERS:
        async with stage.standing(options, ("personal", "points")) as here:
            await fill(here.settings, "payments", prepared.records)
            run = await follow.chain(here, replace(options, workers=workers), len(prepared))
            await agreement.check(here, prepared.unique)
        figure = report.rate(options, run.rate, "payments per second")
        result.figures[f"{workers} of each"] = figure
        result.processes |= {f"{name} ({workers})": used for name, used in run.usage.items()}
    return [result]
