"""The door: batches of 500 payments over HTTP, acknowledged when Kafka has acknowledged them."""

from benchmarks import BenchmarkError, client, consume, load, report, stage
from benchmarks.figures import milliseconds
from benchmarks.options import Options
from benchmarks.profile import profiled
from benchmarks.report import Result
from benchmarks.stage import Stage

BATCH = 500
CONNECTIONS = 8
PREPARED_MAX = 200_000
PROCESSES = (1, 2)


async def run(options: Options) -> list[Result]:
    """Events per second through one process of the door, then through two."""
    size = options.size("ingested")
    prepared = load.payments(min(size, PREPARED_MAX), repeated=0.0)
    bodies = client.bodies(prepared.records, BATCH)
    result = Result(
        name="ingest",
        broker=report.broker_name(options),
        input={"events": size, "batch": BATCH, "connections": CONNECTIONS},
        figures={},
        variants=True,
        events=size,
    )
    async with stage.standing(options, ()) as here:
        sent = 0
        for processes in PROCESSES:
            await here.start("ingest", role="api")
            sent += await _measure(here, options, bodies, size // BATCH, processes, result)
        if (read := await consume.count(here.settings, "payments", sent)) != sent:
            raise BenchmarkError(f"Kafka has {read} of {sent} acknowledged events")
    return [result]


async def _measure(
    here: Stage, options: Options, bodies: list[bytes], requests: int, processes: int, into: Result
) -> int:
    plan = client.Plan(here.ports["ingest"], here.token(), bodies, "flood", requests, CONNECTIONS)
    with client.sending(plan) as sender:
        watch = here.watch(client=[sender.pid])
        watch.begin()
        with profiled(options, here, ("ingest",)):
            answers = await sender.answers()
        usage = watch.end()
    accepted = sum(answer.accepted for answer in answers)
    seconds = max(a.answered for a in answers) - min(a.due for a in answers)
    name = f"{processes} process" + ("es" if processes > 1 else "")
    rate = report.rate(options, accepted / seconds, "events per second", "producing")
    into.figures[f"{name}: accepted"] = rate
    into.figures |= milliseconds(f"{name}: request", [answer.milliseconds for answer in answers])
    into.processes |= {
        f"{what} ({name})": used for what, used in usage.items() if "postgres" not in what
    }
    return accepted
