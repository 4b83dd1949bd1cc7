"""Hundreds of faults of all kinds, many of them at once: the ledgers as if nothing had happened."""

from random import Random

import pytest

from tests.faults.play import judged, sampled
from tests.faults.sender import Sender, sending
from tests.faults.servers import Servers
from tests.faults.stage import playing
from tests.faults.storm import FAULTS, storm
from tests.faults.table import Tally
from tests.faults.workload import Workload

EVENTS_PER_SECOND = 150

pytestmark = pytest.mark.faults


async def test_a_storm_of_faults(real_servers: Servers, tally: Tally) -> None:
    async with playing(real_servers, "storm") as stage:
        sender = Sender(stage, Workload(tally.seed))
        await sender.register()
        tally.seconds["start"] = began = tally.now()
        async with sampled(stage, sender, tally):
            async with sending(sender, EVENTS_PER_SECOND):
                await storm(stage, Random(tally.seed), FAULTS, tally)
                tally.seconds["storm"] = tally.now() - began
            await judged(stage, sender, tally)
    assert tally.samples > 0
