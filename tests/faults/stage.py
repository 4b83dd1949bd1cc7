"""The services as real processes on real servers, replaced when they die."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from shared.database.migrations import migrate
from shared.kafka import admin_client
from shared.settings import DOMAIN_SERVICES, SERVICES, Settings, from_environment
from tanzhang import topics
from tanzhang.demo.place import own_environment
from tanzhang.stack import children, probes
from tanzhang.stack.ports import free_port
from tests.faults.servers import BROKERS, Servers

PARTITIONS = 4
SESSION_SECONDS = 6
READY_SECONDS = 60
STOP_SECONDS = 60
LOOK_SECONDS = 0.1
ROOT = Path(__file__).parents[2]
LOGS = ROOT / ".cache" / "faults"
# Two workers where most of the events go: their partitions have somewhere to move to.
EVERYTHING = {service: 2 if service in ("personal", "points") else 1 for service in SERVICES}


@dataclass(slots=True, eq=False)
class Process:
    """A place for one process of a service; whoever dies in it is replaced."""

    name: str
    service: str
    role: str
    port: int
    directory: Path
    child: children.Child
    frozen: bool = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def lives(self) -> bool:
        return self.child.exit_code() is None

    def kill(self) -> None:
        """SIGKILL; whoever watches starts it again."""
        self.child.process.kill()

    def freeze(self) -> None:
        """SIGSTOP: its connections stay open."""
        self.frozen = True
        self.child.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT; it goes on where it was."""
        self.frozen = False
        self.child.process.send_signal(signal.SIGCONT)

    def stands_still(self) -> bool:
        """Whether the kernel has stopped it, whoever asked for that."""
        stat = Path(f"/proc/{self.child.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "T"

    def said(self, event: str) -> int:
        """How often its log has this event, over all its lives."""
        return self.child.log.read_text(errors="replace").count(f'"event": "{event}"')


@dataclass(slots=True)
class Stage:
    """Processes by name (`personal-2`).

    `deaths` are those that nobody here has caused; `well` says that all was found as it should be.
    """

    servers: Servers
    directory: Path
    environment: Mapping[str, str]
    urls: Mapping[str, str]
    ports: Mapping[str, int]
    processes: dict[str, Process] = field(default_factory=dict)
    deaths: list[str] = field(default_factory=list)
    added: Counter[str] = field(default_factory=Counter)
    well: bool = False
    database_is_hit: asyncio.Lock = field(default_factory=asyncio.Lock)
    brokers_are_hit: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def settings(self) -> Settings:
        """The settings that the services have."""
        return from_environment(self.environment)

    @property
    def services(self) -> list[str]:
        return [service for service in SERVICES if service in self.ports]

    def url(self, service: str) -> str:
        """http://127.0.0.1:port where the service answers HTTP."""
        return f"http://127.0.0.1:{self.ports[service]}"

    def of(self, service: str) -> list[Process]:
        """The processes of a service that are meant to be."""
        return [p for p in self.processes.values() if p.service == service]

    def add(self, service: str) -> Process:
        """One more process: the first of a service has all roles, the others are workers.

        None takes the name of one that was retired: that may still be ending, and obey orders.
        """
        self.added[service] += 1
        number = self.added[service]
        role = "all" if number == 1 else "worker"
        port = self.ports[service] if number == 1 else free_port()
        name = f"{service}-{number}"
        directory = self.directory / name
        directory.mkdir()
        child = self._start(name, service, role, port, directory)
        process = Process(name, service, role, port, directory, child)
        self.processes[name] = process
        return process

    async def retire(self, process: Process) -> None:
        """SIGTERM, as an orchestrator takes a pod away; it has to end by itself and well."""
        del self.processes[process.name]
        process.child.process.terminate()
        try:
            await asyncio.to_thread(process.child.process.wait, STOP_SECONDS)
        except subprocess.TimeoutExpired:
            still = ", standing still" if process.stands_still() else ""
            process.child.stop([])
            self.deaths.append(
                f"{process.name} did not end within {STOP_SECONDS} s of SIGTERM{still}; "
                f"{process.child.ended_because()}"
            )
            return
        # The signal itself ends one that is too young to have asked for it.
        if process.child.exit_code() != -signal.SIGTERM:
            self._mourn(process)

    async def watch(self) -> None:
        """Start again what has ended, until cancelled."""
        while True:
            for process in list(self.processes.values()):
                if process.lives:
                    continue
                self._mourn(process)
                process.frozen = False
                process.child = self._start(
                    process.name, process.service, process.role, process.port, process.directory
                )
            await asyncio.sleep(LOOK_SECONDS)

    async def await_ready(self) -> None:
        """Wait until every process answers that it is at its work."""
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            deadline = time.monotonic() + READY_SECONDS
            while True:
                found = {
                    p.name: await probes.why_not_ready(client, p.url)
                    for p in list(self.processes.values())
                }
                missing = {name: reason for name, reason in found.items() if reason}
                if not missing:
                    return
                assert time.monotonic() < deadline, f"not ready: {missing}; {self.deaths}"
                await asyncio.sleep(LOOK_SECONDS)

    def logged(self, event: str) -> int:
        """How often the logs of all processes have this event."""
        word = f'"event": "{event}"'
        return sum(log.read_text(errors="replace").count(word) for log in self.logs())

    def logs(self) -> list[Path]:
        return sorted(self.directory.glob("*.log"))

    def _mourn(self, process: Process) -> None:
        """Keep in mind who has ended neither because we killed it nor well."""
        if process.child.exit_code() not in (0, -signal.SIGKILL):
            self.deaths.append(process.child.ended_because())

    def _start(
        self, name: str, service: str, role: str, port: int, directory: Path
    ) -> children.Child:
        command = ["-m", "tanzhang"]
        if service != "ingest":
            command = ["-m", "tests.faults.hooked", str(directory)]
        return children.start(
            name,
            [sys.executable, *command, "run", service, "--role", role, "--port", str(port)],
            log=self.directory / f"{name}.log",
            environment=self.environment,
        )


@asynccontextmanager
async def playing(
    servers: Servers, name: str, workers: Mapping[str, int] = EVERYTHING
) -> AsyncIterator[Stage]:
    """Fresh databases and topics, and so many processes of each service, all of them ready.

    The logs stay in .cache/faults/`name` unless all was well.
    """
    directory = LOGS / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    stage = await _prepare(servers, directory, list(workers))
    for service, count in workers.items():
        for _ in range(count):
            stage.add(service)
    watching = asyncio.create_task(stage.watch())
    try:
        await stage.await_ready()
        yield stage
    finally:
        watching.cancel()
        await asyncio.wait({watching})
        for process in stage.processes.values():
            process.child.stop([])
        if stage.well:
            await _clear_away(stage)


async def _clear_away(stage: Stage) -> None:
    """What is left makes the servers' restarts slower."""
    shutil.rmtree(stage.directory)
    for url in stage.urls.values():
        await stage.servers.postgres.drop_database(url.rpartition("/")[2])
    admin = admin_client(stage.settings)
    try:
        await admin.start()
        await admin.delete_topics(topics.names(stage.settings))
    finally:
        await admin.close()


async def _prepare(servers: Servers, directory: Path, services: list[str]) -> Stage:
    run = uuid.uuid4().hex[:12]
    urls = {s: servers.postgres.url(f"{s}_{run}") for s in DOMAIN_SERVICES if s in services}
    ports = {service: free_port() for service in services}
    stage = Stage(servers, directory, _environment(servers, run, urls, ports), urls, ports)
    for service, url in urls.items():
        await servers.postgres.create_database(f"{service}_{run}")
        await migrate(url, service)
    await topics.create(stage.settings)
    return stage


def _environment(
    servers: Servers, run: str, urls: Mapping[str, str], ports: Mapping[str, int]
) -> dict[str, str]:
    return {
        **own_environment(os.environ),
        "PYTHONPATH": str(ROOT),
        "KAFKA_BOOTSTRAP_SERVERS": servers.cluster.bootstrap,
        "KAFKA_SESSION_TIMEOUT_MS": str(1000 * SESSION_SECONDS),
        "TANZHANG_AUTH": "off",
        "TANZHANG_TOPIC_PREFIX": f"faults-{run}-",
        "TANZHANG_PARTITIONS": str(PARTITIONS),
        "TANZHANG_REPLICATION": str(BROKERS),
        "TANZHANG_ERASURE_KEY": uuid.uuid4().hex * 2,
        **{f"{service.upper()}_DATABASE_URL": url for service, url in urls.items()},
        **{f"TANZHANG_{s.upper()}_URL": f"http://127.0.0.1:{port}" for s, port in ports.items()},
    }
