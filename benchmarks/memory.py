"""The highest resident memory of every process while the chain runs and the door is flooded."""

from benchmarks import agreement, client, follow, ingest, load, report, stage
from benchmarks.options import Options
from benchmarks.report import Figure, Result


async def run(options: Options) -> list[Result]:
    """Payments through the door into the topic, then through both ledgers."""
    prepared = load.payments(options.size("payments"))
    async with stage.standing(options, ("personal", "points")) as here:
        await here.start("ingest", role="api")
        bodies = client.bodies(prepared.records, ingest.BATCH)
        plan = client.Plan(
            here.ports["ingest"], here.token(), bodies, "flood", len(bodies), ingest.CONNECTIONS
        )
        with client.sending(plan) as sender:
            await sender.answers()
        run = await follow.chain(here, options, len(prepared))
        await agreement.check(here, prepared.unique)
    peaks = {name: Figure(used.peak_mb, "MB") for name, used in run.usage.items()}
    return [
        Result(
            name="memory",
            broker=report.broker_name(options),
            input={"payments": len(prepared)},
            figures=peaks,
        )
    ]
