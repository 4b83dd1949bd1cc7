"""What goes wrong, each a small function: it does it, sees that it happened, and puts it right.

An injection returns what it did in a few words, or None when there was nothing to do it to.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from random import Random

from tests.faults import hooked
from tests.faults.stage import EVERYTHING, SESSION_SECONDS, Process, Stage
from tests.kafka.cluster import leader

Injection = Callable[[Stage, Random], Awaitable[str | None]]

WORKERS_MAX = 3
HOOK_SECONDS = 15
LOOK_SECONDS = 0.05


def killed(service: str) -> Injection:
    """SIGKILL of one process of the service."""

    async def kill(stage: Stage, chance: Random) -> str | None:
        alive = [process for process in stage.of(service) if process.lives]
        if not alive:
            return None
        process = chance.choice(alive)
        process.kill()
        return process.name

    return kill


async def frozen(stage: Stage, chance: Random) -> str | None:
    """SIGSTOP of a worker until the group has given its partitions to another, then SIGCONT."""
    shared = [s for s, count in EVERYTHING.items() if count > 1 and s in stage.services]
    process = _any_of(stage, chance, shared)
    if process is None:
        return None
    seconds = SESSION_SECONDS + chance.uniform(1, 4)
    await _frozen_for(process, seconds)
    return f"{process.name} for {seconds:.1f} s"


async def frozen_shortly(stage: Stage, chance: Random) -> str | None:
    """SIGSTOP of any process for less than anybody's patience, then SIGCONT."""
    process = _any_of(stage, chance, stage.services)
    if process is None:
        return None
    seconds = chance.uniform(0.5, SESSION_SECONDS / 2)
    await _frozen_for(process, seconds)
    return f"{process.name} for {seconds:.1f} s"


async def zombie(stage: Stage, chance: Random) -> str | None:
    """A worker stands still with a batch in hand until its partitions are another's."""
    process = _any_of(stage, chance, ["personal", "points"])
    if process is None or not await obeyed(process, hooked.FREEZE_BEFORE_POST):
        return None
    process.frozen = True
    await asyncio.sleep(SESSION_SECONDS + chance.uniform(2, 6))
    process.thaw()
    return process.name


async def relay_interrupted(stage: Stage, chance: Random) -> str | None:
    """The process that publishes an outbox dies between Kafka's acknowledgement and the removal."""
    service = chance.choice([s for s in stage.services if s not in ("ingest", "points")])
    return await hit_relay(stage, service, hooked.KILL_AFTER_SEND)


async def broker_killed(stage: Stage, chance: Random) -> str | None:
    """SIGKILL of a broker; it starts again a little later."""
    if stage.brokers_are_hit.locked():
        return None
    async with stage.brokers_are_hit:
        return await broker_down(stage, chance.choice(_brokers(stage)), chance.uniform(0, 4))


async def leader_killed(stage: Stage, chance: Random) -> str | None:
    """SIGKILL of the broker that leads a partition of payments; it starts again a little later."""
    if stage.brokers_are_hit.locked():
        return None
    async with stage.brokers_are_hit:
        partition = chance.randrange(stage.settings.tanzhang_partitions)
        topic = stage.settings.topic("payments")
        id = await leader(stage.servers.cluster, topic, partition)
        return await broker_down(stage, id, chance.uniform(0, 4))


async def broker_frozen(stage: Stage, chance: Random) -> str | None:
    """SIGSTOP of a broker until the others have given it up, then SIGCONT."""
    if stage.brokers_are_hit.locked():
        return None
    async with stage.brokers_are_hit:
        cluster = stage.servers.cluster
        id, seconds = chance.choice(_brokers(stage)), chance.uniform(2, 8)
        cluster.freeze(id)
        try:
            await asyncio.sleep(seconds)
        finally:
            cluster.thaw(id)
        return f"broker {id} for {seconds:.1f} s"


async def database_stopped(stage: Stage, chance: Random) -> str | None:
    """PostgreSQL stopped immediately (SIGQUIT) and started again a little later."""
    if stage.database_is_hit.locked():
        return None
    async with stage.database_is_hit:
        seconds = chance.uniform(0, 3)
        await stage.servers.stop_postgres_at_once()
        try:
            await asyncio.sleep(seconds)
        finally:
            await stage.servers.start_postgres()
        return f"for {seconds:.1f} s"


async def worker_added(stage: Stage, chance: Random) -> str | None:
    """One worker more."""
    workers = chance.sample(["personal", "points", "grading", "industrial"], 4)
    service = next((s for s in workers if 0 < len(stage.of(s)) < WORKERS_MAX), None)
    return stage.add(service).name if service else None


async def worker_removed(stage: Stage, chance: Random) -> str | None:
    """SIGTERM of one worker; it has to finish what it has in hand and end well."""
    spare = [p for p in stage.processes.values() if p.role == "worker" and not p.frozen]
    if not spare:
        return None
    process = chance.choice(spare)
    await stage.retire(process)
    return process.name


async def clock_stepped(stage: Stage, chance: Random) -> str | None:
    """The clock of one process jumps, by hours, forward or back."""
    process = _any_of(stage, chance, [s for s in stage.services if s != "ingest"])
    if process is None:
        return None
    hours = chance.choice((-11, -5, -2, -1, 0, 1, 3, 8))
    (process.directory / hooked.CLOCK).write_text(str(3600 * hours))
    return f"{process.name} to {hours:+d} h"


async def broker_down(stage: Stage, id: int, seconds: float) -> str:
    """SIGKILL of this broker; it starts again after so many seconds and is waited for."""
    stage.servers.cluster.kill(id)
    try:
        await asyncio.sleep(seconds)
    finally:
        await stage.servers.start_broker(id)
    return f"broker {id} for {seconds:.1f} s"


async def hit_relay(stage: Stage, service: str, order: str) -> str | None:
    """Let the process that publishes obey after its next send; None if nothing was sent."""
    orders = {process.name: process.directory / order for process in stage.of(service)}
    for path in orders.values():
        path.touch()
    try:
        deadline = time.monotonic() + HOOK_SECONDS
        while time.monotonic() < deadline:
            for name, path in orders.items():
                if not path.exists():
                    return name
            await asyncio.sleep(LOOK_SECONDS)
        return None
    finally:
        for path in orders.values():
            path.unlink(missing_ok=True)


def _brokers(stage: Stage) -> list[int]:
    return list(stage.servers.cluster.brokers)


def _any_of(stage: Stage, chance: Random, services: list[str]) -> Process | None:
    """A process of these services that lives and moves."""
    able = [
        process
        for process in stage.processes.values()
        if process.service in services and process.lives and not process.frozen
    ]
    return chance.choice(able) if able else None


async def _frozen_for(process: Process, seconds: float) -> None:
    process.freeze()
    try:
        await asyncio.sleep(seconds)
    finally:
        if process.frozen:  # it may have been killed and replaced meanwhile
            process.thaw()


async def obeyed(process: Process, order: str, seconds: float = HOOK_SECONDS) -> bool:
    """Give the order and wait until the process has taken it; taken back when that takes too long.

    That it stands still proves nothing: another may have stopped it, and an order that is left
    behind is obeyed later, with nobody there to put it right.
    """
    path = process.directory / order
    path.touch()
    deadline = time.monotonic() + seconds
    while path.exists():
        if time.monotonic() > deadline:
            return not hooked.taken(path)
        await asyncio.sleep(LOOK_SECONDS)
    return True
