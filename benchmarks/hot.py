"""One customer makes a tenth of all payments: what that costs, and whether order holds."""

from aiokafka import ConsumerRecord

from benchmarks import BenchmarkError, agreement, consume, follow, load, report, stage
from benchmarks.load import Load
from benchmarks.options import Options
from benchmarks.produce import fill
from benchmarks.report import Figure, Result
from benchmarks.stage import Stage
from shared.events.envelope import decode
from shared.events.types import State

HOT_SHARE = 0.1


async def run(options: Options) -> list[Result]:
    """The chain with and without the hot account."""
    size = options.size("payments")
    even = await _chain(options, load.payments(size))
    hot = await _chain(options, load.payments(size, hot_share=HOT_SHARE))
    return [
        Result(
            name="hot",
            broker=report.broker_name(options),
            input={"payments": size, "share of one account": HOT_SHARE},
            figures={
                "with a hot account": report.rate(options, hot.rate, "payments per second"),
                "without one": report.rate(options, even.rate, "payments per second"),
                "ratio": Figure(round(hot.rate / even.rate, 3), "of the chain without one"),
            },
            processes=dict(hot.usage),
            events=hot.watched,
        )
    ]


async def _chain(options: Options, prepared: Load) -> follow.Run:
    async with stage.standing(options, ("personal", "points")) as here:
        await fill(here.settings, "payments", prepared.records)
        run = await follow.chain(here, options, len(prepared))
        await agreement.check(here, prepared.unique)
        await _check_order(here, run.reductions)
    return run


async def _check_order(here: Stage, reductions: int) -> None:
    """Within each partition the sequence of every key rises by one, from one."""
    last: dict[tuple[bytes, int], int] = {}

    def follows(record: ConsumerRecord[bytes, bytes]) -> None:
        position = decode(record.value or b"", strict=False).data
        assert isinstance(position, State)
        key = (record.key or b"", record.partition)
        if position.sequence != last.get(key, 0) + 1:
            place = f"{record.partition}/{record.offset}"
            raise BenchmarkError(f"{place}: {position.sequence} after {last.get(key, 0)}")
        last[key] = position.sequence

    await consume.read(here.settings, "personal-reductions", reductions, follows)
    if len({key for key, _ in last}) != len(last):
        raise BenchmarkError("a key is on two partitions")
