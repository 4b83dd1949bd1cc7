"""The stage of a run: PostgreSQL, a broker, and services as processes of their own."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks import BenchmarkError, processes
from benchmarks.options import Options
from shared.auth.principal import SCOPES
from shared.database import Connection
from shared.database.migrations import migrate
from shared.kafka import consumer_options
from shared.settings import Settings, from_environment
from tanzhang import topics
from tanzhang.stack import broker, children, local_keys, plan, postgres, probes
from tanzhang.stack.ports import free_port

READY_SECONDS = 60
STOP_SECONDS = 30
# The module that runs a service, and its words before the service's name.
PROGRAM = ("tanzhang", "run")
# What the caller's shell may have said about servers is not for this run.
_OWN = ("KAFKA_", "TANZHANG_JWKS", "TANZHANG_AUTH", "TANZHANG_ERASURE_KEY")


@dataclass(slots=True)
class Stage:
    """What stands, and what was started on it."""

    directory: Path
    environment: dict[str, str]
    settings: Settings
    postgres: postgres.Postgres
    broker_pids: set[int]
    program: Sequence[str] = PROGRAM
    running: dict[str, list[children.Child]] = field(default_factory=dict)
    ports: dict[str, list[int]] = field(default_factory=dict)

    async def start(self, service: str, *, role: str = "worker", processes: int = 1) -> None:
        """Start so many processes of a service and wait until they are ready."""
        first = len(self.running.setdefault(service, []))
        for number in range(first, first + processes):
            port = free_port()
            name = f"{service}-{number}"
            command = [sys.executable, "-m", *self.program, service]
            child = children.start(
                name,
                [*command, "--role", role, "--port", str(port)],
                log=self.directory / "logs" / f"{name}.log",
                environment=self.environment,
            )
            self.running[service].append(child)
            self.ports.setdefault(service, []).append(port)
        await self._await_ready(service, first)

    async def _await_ready(self, service: str, first: int) -> None:
        async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
            started = zip(self.running[service], self.ports[service], strict=True)
            for child, port in list(started)[first:]:
                url = f"http://127.0.0.1:{port}"

                async def is_ready(url: str = url, child: children.Child = child) -> bool:
                    _check(child)
                    return await probes.is_ready(client, url)

                if not await probes.until(is_ready, READY_SECONDS):
                    raise BenchmarkError(f"{child.name} was not ready in {READY_SECONDS} s")

    async def joined(self, service: str) -> None:
        """Wait until the workers of a service have taken up all partitions."""
        partitions = self.settings.tanzhang_partitions
        async with self.connected(service) as connection:

            async def has_all() -> bool:
                self.check()
                taken: int = await connection.fetchval("select count(*) from consumer_offset")
                return taken >= partitions

            if not await probes.until(has_all, READY_SECONDS):
                raise BenchmarkError(f"{service} did not take up its partitions")

    def check(self) -> None:
        """Raise when a process has ended."""
        for started in self.running.values():
            for child in started:
                _check(child)

    def watch(self, **others: Iterable[int]) -> processes.Watch:
        """A look at the CPU and memory of everything that runs now, and of `others`."""
        pids = {name: [c.pid for c in started] for name, started in self.running.items()}
        return processes.Watch(
            {**pids, "broker": self.broker_pids, **others}, self.postgres.child.pid
        )

    @asynccontextmanager
    async def connected(self, service: str) -> AsyncIterator[Connection]:
        """A connection that sees the tables of a service."""
        connection = await asyncpg.connect(
            self.postgres.url(service),
            server_settings={"search_path": service, "application_name": "benchmarks"},
        )
        try:
            yield connection
        finally:
            await connection.close()

    def token(self) -> str:
        """A token that may send every event of everybody."""
        return local_keys.token(
            self.directory,
            self.settings,
            client="benchmark",
            scopes=list(SCOPES),
            sources=["*"],
            subjects=["*"],
            lifetime=timedelta(days=1),
        )

    async def stop(self, *services: str) -> None:
        """SIGTERM to these services, or all; wait for their end."""
        stopping = [c for s in services or list(self.running) for c in self.running.pop(s, ())]
        for child in stopping:
            if child.exit_code() is None:
                child.process.terminate()
        for child in stopping:
            child.stop([(signal.SIGTERM, STOP_SECONDS)])
        for service in services:
            self.ports.pop(service, None)


@asynccontextmanager
async def standing(
    options: Options, services: Sequence[str], *, postgres_settings: Mapping[str, str] | None = None
) -> AsyncIterator[Stage]:
    """Servers with the databases and topics of these services; nothing is left behind."""
    directory = Path(tempfile.mkdtemp(prefix="tanzhang-bench-", dir=options.directory))
    directory.chmod(0o711)
    async with AsyncExitStack() as stack:
        if not options.keep:
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
        server = postgres.start(
            directory / "postgres", log=directory / "logs/postgres.log", settings=postgres_settings
        )
        stack.callback(server.stop)
        environment, broker_pids = _start_broker(options, directory, server, stack)
        settings = from_environment(environment)
        stage = Stage(directory, environment, settings, server, broker_pids)
        stack.push_async_callback(stage.stop)
        for service in services:
            await server.create_database(service)
            await migrate(server.url(service), service)
        await topics.create(settings)
        await _led(settings)
        yield stage


async def _led(settings: Settings) -> None:
    """Wait until the broker leads every new partition: before, it refuses what is sent to it."""
    consumer = AIOKafkaConsumer(**consumer_options(settings, "look") | {"group_id": None})
    await consumer.start()
    try:
        partitions = range(settings.tanzhang_partitions)
        for topic in topics.names(settings):
            await consumer.end_offsets([TopicPartition(topic, n) for n in partitions])
    finally:
        await consumer.stop()


def _start_broker(
    options: Options, directory: Path, server: postgres.Postgres, stack: AsyncExitStack
) -> tuple[dict[str, str], set[int]]:
    """Start the broker; the environment of the services, and the broker's processes."""
    given = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_OWN) and not name.endswith("DATABASE_URL")
    }
    before = processes.descendants(os.getpid())
    embedded = None
    if options.kafka:
        from tests.kafka import cluster, jars

        try:
            started = cluster.start(directory / "kafka", brokers=1)
        except jars.KafkaMissing as error:
            raise BenchmarkError(str(error)) from None
        stack.callback(started.stop)
        given["KAFKA_BOOTSTRAP_SERVERS"] = started.bootstrap
    else:
        embedded = broker.start(directory, log=directory / "logs/broker.log")
        stack.callback(embedded.stop)
    made = plan.environment(
        plan.Options(data_dir=directory, base_port=0, environment=given),
        directory,
        plan.choose_ports(0),
        server,
        embedded,
    )
    return {**given, **made}, processes.descendants(os.getpid()) - before


def _check(child: children.Child) -> None:
    if child.exit_code() is not None:
        raise BenchmarkError(child.ended_because())
