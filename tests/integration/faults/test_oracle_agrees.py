"""Without any fault the services come to what the oracle says, whatever the order of events."""

from collections.abc import Callable
from random import Random

import httpx
from fastapi import FastAPI

from tests.faults.comparison import posted_outside
from tests.faults.oracle import expected
from tests.faults.workload import Sent, Workload
from tests.integration.conftest import Start
from tests.integration.faults.conftest import Put, Settled, register

SERVICES = ("personal", "points", "industrial", "agri", "grading")
EVENTS = 900


async def test_a_shuffled_workload_comes_to_what_the_oracle_says(
    start: Start,
    put: Put,
    settled: Settled,
    client: Callable[[FastAPI], httpx.AsyncClient],
    database_url: str,
) -> None:
    workload = Workload(
        7, enterprises=6, farms=4, customers=30, duplicates=0.03, conflicts=0.02, poison=0.02
    )
    apps = {service: await start(service) for service in SERVICES}
    await register(workload, apps, client)
    workload.take(EVENTS)

    await put(_shuffled(workload.sent))

    found = await settled(expected(workload.sent, workload.registrations()))
    assert found.wrong == []
    assert (found.lost, found.doubled) == (0, 0)
    assert found.entries > EVENTS
    assert await posted_outside(database_url, workload.sent, workload.sent) == []
    await _breaks_of_the_invariant_are_named(database_url, workload.sent)


async def _breaks_of_the_invariant_are_named(url: str, sent: list[Sent]) -> None:
    unposted = Sent("payments", "abc:nobody-at-all", b'{"source":"abc","id":"nobody-1"}', "event")
    lines = await posted_outside(url, [*sent, unposted], [*sent, unposted])
    assert lines == ["personal: acknowledged, not posted: abc nobody-1"]
    lines = await posted_outside(url, [], [one for one in sent if one.topic != "farm-records"])
    assert lines
    assert all(line.startswith("agri: posted, not sent: ") for line in lines)


def _shuffled(sent: list[Sent]) -> list[Sent]:
    """Any order, with records that come again; what contradicts others after them."""
    chance = Random(11)
    free = [record for record in sent if not record.contradicts()]
    late = [record for record in sent if record.contradicts()]
    free += chance.sample(free, len(free) // 20)
    chance.shuffle(free)
    chance.shuffle(late)
    return [*free, *late, *late[:5]]
