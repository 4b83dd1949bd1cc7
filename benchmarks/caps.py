"""What caps and tiers cost the chain: the same payments with and without them.

Each payment is under a cap of its own, so that the chain without caps comes to the same sums.
"""

from datetime import datetime, timedelta

import msgspec

from benchmarks import agreement, follow, report, stage
from benchmarks.load import ACCOUNTS, SEED, YEAR, Load
from benchmarks.options import Options
from benchmarks.produce import fill
from benchmarks.report import Figure, Result
from tanzhang.cloudevents import cloud_event
from tanzhang.simulation.calendar import OFFSET
from tanzhang.simulation.payments import account_id

UNLIMITED = ("benchmarks.unlimited",)
DATA = {"kind": "transfer", "channel": "mobile", "amount": "100", "currency": "CNY"}


async def run(options: Options) -> list[Result]:
    """Both rates and their ratio."""
    prepared = apart(options.size("payments"))
    without = await _chain(options, prepared, UNLIMITED)
    whole = await _chain(options, prepared)
    return [
        Result(
            name="caps",
            broker=report.broker_name(options),
            input={"payments": len(prepared), "workers": options.workers},
            figures={
                "with caps and tiers": report.rate(options, whole.rate, "payments per second"),
                "without them": report.rate(options, without.rate, "payments per second"),
                "ratio": Figure(round(whole.rate / without.rate, 3), "of the chain without them"),
            },
            processes=dict(whole.usage),
            events=whole.watched,
        )
    ]


def apart(count: int) -> Load:
    """Transfers, the accounts in turn, each account's on days of their own."""
    first = datetime(YEAR, 1, 1, 9, tzinfo=OFFSET)
    load = Load(unique=count)
    for number in range(count):
        turn, index = divmod(number, min(ACCOUNTS, count))
        account = account_id(SEED, index)
        event = cloud_event(
            "cn.tanzhang.payment.v1",
            source=account.partition(":")[0],
            id=f"{account.partition(':')[2]}-{turn}",
            subject=account,
            time=first + timedelta(days=turn),
            data=DATA,
        )
        load.records.append((account.encode(), msgspec.json.encode(event)))
    return load


async def _chain(
    options: Options, prepared: Load, program: tuple[str, ...] = stage.PROGRAM
) -> follow.Run:
    async with stage.standing(options, ("personal", "points")) as here:
        here.program = program
        await fill(here.settings, "payments", prepared.records)
        run = await follow.chain(here, options, len(prepared))
        await agreement.check(here, prepared.unique)
    return run
