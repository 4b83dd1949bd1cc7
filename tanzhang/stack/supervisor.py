"""Starting, watching and stopping the stack, in the order that loses nothing."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec
from aiokafka.errors import KafkaError

from shared.database.migrations import NotMigrated, migrate
from shared.settings import DOMAIN_SERVICES, SERVICES, Settings, from_environment
from tanzhang import topics
from tanzhang.stack import StackError, broker, children, directory, plan, postgres, probes
from tanzhang.stack.broker import Broker
from tanzhang.stack.directory import StackState
from tanzhang.stack.postgres import Postgres
from tanzhang.stack.recovery import after_unclean_stop

READY_SECONDS = 60
# Of another's database, in which others may be at work.
MIGRATE_SECONDS = 60
DRAIN_SECONDS = 30
STOP_SECONDS = 25
WATCH_SECONDS = 0.2
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# A service that dies this often is broken, not killed.
RESTARTS_MAX = 50
# Sources of events first, so that each finds its consumers still there.
STOP_ORDER = (("industrial", "agri", "personal"), ("grading", "points"), tuple(plan.WEBHOOKS))

T = TypeVar("T")
Say = Callable[[str], None]


@dataclass(slots=True)
class Stack:
    """A running stack. Services are reached by `state.url(name)`."""

    options: plan.Options
    directory: Path
    say: Say
    postgres: Postgres | None = None
    broker: Broker | None = None
    state: StackState | None = None
    services: dict[str, children.Child] = field(default_factory=dict)
    restarts: dict[str, int] = field(default_factory=dict)
    stop_asked: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: bool = False

    @property
    def started(self) -> StackState:
        if self.state is None:
            raise StackError("the stack has not been started")
        return self.state

    def settings(self) -> Settings:
        """The settings that the services have."""
        return from_environment({**self.options.environment, **self.started.environment})

    def kill(self, service: str) -> None:
        """SIGKILL a service, to see what that does."""
        self.services[service].process.kill()


@asynccontextmanager
async def running(options: plan.Options, say: Say = print) -> AsyncIterator[Stack]:
    """A ready stack for the length of the block, then a clean stop.

    Raises StackError when it cannot start, and from `watch` when a part of it ends.
    """
    with directory.hold(options.data_dir) as held:
        stack = Stack(options, held, say)
        failed = False
        with _signals(stack):
            try:
                await _start(stack)
                yield stack
            except BaseException:
                failed = True
                raise
            finally:
                await _stop(stack, drain=not failed)


async def watch(stack: Stack) -> None:
    """Return when a stop is asked for; StackError with the reason when a part has ended."""
    while not stack.stop_asked.is_set():
        _look(stack)
        try:
            async with asyncio.timeout(WATCH_SECONDS):
                await stack.stop_asked.wait()
        except TimeoutError:
            continue


async def supervised(stack: Stack, job: Coroutine[Any, Any, T]) -> T:
    """Do a job while the stack is watched; StackError when a part ends or a stop is asked for."""
    watching = asyncio.create_task(watch(stack))
    working = asyncio.create_task(job)
    try:
        await asyncio.wait([watching, working], return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            watching.result()
            raise StackError("stopped before the work was done")
        return working.result()
    finally:
        for task in (watching, working):
            task.cancel()
        await asyncio.gather(watching, working, return_exceptions=True)


@contextmanager
def _signals(stack: Stack) -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP ask for a clean stop; a second one for a quick one."""
    loop = asyncio.get_running_loop()

    def asked() -> None:
        stack.hurry = stack.stop_asked.is_set()
        stack.stop_asked.set()

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, asked)
    try:
        yield
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)


def _look(stack: Stack) -> None:
    for part in (stack.postgres, stack.broker):
        if part is not None and part.child.exit_code() is not None:
            raise StackError(part.child.ended_because())
    for name, child in stack.services.items():
        if child.exit_code() is None:
            continue
        if not stack.options.restart or stack.restarts.get(name, 0) >= RESTARTS_MAX:
            raise StackError(child.ended_because())
        stack.restarts[name] = stack.restarts.get(name, 0) + 1
        stack.services[name] = _start_service(stack, name)


async def _start(stack: Stack) -> None:
    children.put_away_logs(stack.directory / "logs")
    before = directory.read(stack.directory)
    chosen = plan.choose_ports(stack.options.base_port, webhooks=stack.options.webhooks)
    ports = {name: chosen[name] for name in SERVICES}
    parts = [name for name, starts in _embedded(stack.options).items() if starts]
    stack.say(f"Starting {', '.join([*parts, 'six services'])} in {stack.directory} ...")
    await _start_embedded(stack)
    made = plan.environment(stack.options, stack.directory, ports, stack.postgres, stack.broker)
    unsure_since = None if before is None else before.unsure_since or before.started_at
    stack.state = StackState(
        pid=os.getpid(),
        started_at=datetime.now(UTC),
        unsure_since=unsure_since,
        cluster_id=stack.broker.cluster_id if stack.broker else None,
        ports=ports,
        webhook_ports={name: port for name, port in chosen.items() if name not in ports},
        environment=made,
    )
    settings = stack.settings()
    await _prepare(stack, settings)
    if unsure_since is not None and stack.broker is not None:
        stack.say("The last stop was not a clean one: what nobody had read of the inputs is lost.")
        if await after_unclean_stop(settings, unsure_since):
            stack.say("What the ledgers had sent since then is sent again.")
    directory.save(stack.directory, stack.state)
    for name in chosen:
        stack.services[name] = _start_service(stack, name)
    await _await_ready(stack)
    stack.state = msgspec.structs.replace(stack.state, ready=True)
    directory.save(stack.directory, stack.state)


def _embedded(options: plan.Options) -> dict[str, bool]:
    return {
        "PostgreSQL": bool(options.services_without_database()),
        "broker": options.needs_broker(),
    }


async def _start_embedded(stack: Stack) -> None:
    logs = stack.directory / "logs"
    databases = stack.options.services_without_database()
    if databases:
        stack.postgres = postgres.start(
            stack.directory / "postgres",
            log=logs / "postgres.log",
            settings=stack.options.postgres_settings,
        )
        for name in databases:
            await stack.postgres.create_database(name)
    if stack.options.needs_broker():
        stack.broker = broker.start(stack.directory, log=logs / "broker.log")


async def _prepare(stack: Stack, settings: Settings) -> None:
    for service in DOMAIN_SERVICES:
        try:
            await migrate(settings.database(service), service, patience_seconds=MIGRATE_SECONDS)
        except OSError as error:
            raise StackError(f"the database of {service} does not answer: {error}") from error
        except NotMigrated as error:
            raise StackError(f"the database of {service} is not migrated: {error}") from error
    try:
        outcome = await topics.create(settings)
    except KafkaError as error:
        address = settings.kafka_bootstrap_servers
        raise StackError(f"the broker at {address} does not make the topics: {error}") from error
    for name, count in outcome.differing.items():
        stack.say(f"Topic {name} has {count} partitions, not {settings.tanzhang_partitions}.")


def _start_service(stack: Stack, name: str) -> children.Child:
    service, _, webhooks = name.partition("-")
    role, port = webhooks or "all", str(stack.started.port(name))
    return children.start(
        name,
        [sys.executable, "-m", "tanzhang", "run", service, "--role", role, "--port", port],
        log=stack.directory / "logs" / f"{name}.log",
        environment={**stack.options.environment, **stack.started.environment},
    )


async def _await_ready(stack: Stack) -> None:
    async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
        for name in stack.services:

            async def is_ready(url: str = stack.started.url(name)) -> bool:
                _look(stack)
                if stack.stop_asked.is_set():
                    raise StackError("stopped while it was starting")
                return await probes.is_ready(client, url)

            if not await probes.until(is_ready, READY_SECONDS):
                child = stack.services[name]
                reason = await probes.why_not_ready(client, stack.started.url(name))
                raise StackError(
                    f"{name} was not ready within {READY_SECONDS} s, /readyz says: {reason}; "
                    f"the end of {child.log}:\n{children.log_tail(child.log)}"
                )


async def _stop(stack: Stack, *, drain: bool) -> None:
    """Door first, then the workers when they have nothing left, then what they stand on."""
    drained = True
    await _stop_services(stack, ("ingest",))
    if stack.broker is not None and drain and not stack.hurry:
        drained = await _drain(stack)
    for names in STOP_ORDER:
        await _stop_services(stack, names)
    if stack.broker is not None:
        stack.broker.stop()
    if stack.postgres is not None:
        stack.postgres.stop()
    if not stack.options.needs_broker() or (drain and drained and not stack.hurry):
        directory.forget(stack.directory)


async def _drain(stack: Stack) -> bool:
    """Whether the workers have read and passed on all that the broker had."""
    urls = {name: stack.started.url(name) for name in stack.services if name != "ingest"}
    draining = asyncio.create_task(probes.drained(urls, DRAIN_SECONDS))
    while not draining.done() and not stack.hurry:
        await asyncio.wait([draining], timeout=WATCH_SECONDS)
    if not draining.done():
        draining.cancel()
        return False
    busy = draining.result()
    if busy:
        stack.say(
            f"{', '.join(busy)} had still work after {DRAIN_SECONDS} s: what the ledgers have "
            "is sent again at the next start, what nobody had read is lost."
        )
    return not busy


async def _stop_services(stack: Stack, names: tuple[str, ...]) -> None:
    stopping = [stack.services[name] for name in names if name in stack.services]
    for child in stopping:
        if child.exit_code() is None:
            child.process.terminate()

    async def all_ended() -> bool:
        return all(child.exit_code() is not None for child in stopping)

    await probes.until(all_ended, 2 if stack.hurry else STOP_SECONDS)
    for child in stopping:
        if child.exit_code() is None:
            stack.say(f"{child.name} did not stop in time and was killed.")
        child.stop([])
