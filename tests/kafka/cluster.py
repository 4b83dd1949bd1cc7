"""Apache Kafka 4 on this machine: brokers that tests kill, freeze and start again."""

import asyncio
import os
import signal
import subprocess
import threading
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from shared import kafka
from shared.settings import Settings, from_environment
from tanzhang.stack import StackError, children
from tanzhang.stack.ports import answers, free_port
from tests.kafka import jars
from tests.kafka.properties import properties, text
from tests.kafka.security import BROKER_USER, Security

START_SECONDS = 90
STOP_SECONDS = 3
LEADER_SECONDS = 60
REQUEST_MILLISECONDS = 5_000
HEAP = {True: "512m", False: "384m"}  # one broker, or one of several

T = TypeVar("T")


@dataclass(slots=True)
class Broker:
    """One broker and controller; its process changes with every start."""

    id: int
    port: int
    directory: Path
    command: Sequence[str]
    child: children.Child | None = None
    frozen: bool = False

    @property
    def running(self) -> bool:
        """Whether its process lives, frozen or not."""
        return self.child is not None and self.child.exit_code() is None

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """Of the last start."""
        return self.started.process

    @property
    def started(self) -> children.Child:
        if self.child is None:
            raise StackError(f"broker {self.id} has never been started")
        return self.child

    @property
    def log(self) -> Path:
        """Its warnings and errors, of all starts."""
        return self.directory / "broker.log"


@dataclass(slots=True)
class Cluster:
    """Running brokers by id, 1 to n. Start them from the main thread: they end with the thread."""

    brokers: dict[int, Broker]
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def bootstrap(self) -> str:
        """host:port of each broker, for KAFKA_BOOTSTRAP_SERVERS."""
        return ",".join(f"127.0.0.1:{broker.port}" for broker in self.brokers.values())

    @property
    def settings(self) -> Settings:
        """Settings of a client: addresses and, of a secured cluster, the brokers' own user."""
        return from_environment({**self.environment, "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap})

    def kill(self, id: int) -> None:
        """SIGKILL: what it has neither written nor sent to other brokers is lost."""
        broker = self.brokers[id]
        broker.process.kill()
        broker.process.wait()
        broker.frozen = False

    def start(self, id: int) -> None:
        """Start a broker that has ended, on its port and data; returns when it answers."""
        self.launch(id)
        self.await_ready(id)

    def launch(self, id: int) -> None:
        """Start a broker without waiting for it."""
        if threading.current_thread() is not threading.main_thread():
            raise StackError("brokers end with the thread that has started them: use the main one")
        broker = self.brokers[id]
        if broker.running:
            raise StackError(f"broker {id} runs already")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("KAFKA_")}
        broker.child = children.start(
            f"broker {id}", broker.command, log=broker.log, environment=environment
        )

    def await_ready(self, id: int) -> None:
        """Wait until the broker answers requests and all that run have found each other."""
        broker = self.brokers[id]

        def has_found_all() -> bool:
            able = {each.id for each in self.able()}
            return answers(broker.port) and able <= _in_thread(self._known_to(broker))

        children.await_true(has_found_all, broker.started, START_SECONDS, "found all others")

    def able(self) -> list[Broker]:
        """The brokers that run and are not frozen."""
        return [each for each in self.brokers.values() if each.running and not each.frozen]

    def freeze(self, id: int) -> None:
        """SIGSTOP: connections stay open and nobody answers."""
        self.brokers[id].process.send_signal(signal.SIGSTOP)
        self.brokers[id].frozen = True

    def thaw(self, id: int) -> None:
        """SIGCONT."""
        self.brokers[id].process.send_signal(signal.SIGCONT)
        self.brokers[id].frozen = False

    def stop(self) -> None:
        """End all brokers, cleanly if they are quick about it."""
        running = [broker for broker in self.brokers.values() if broker.running]
        for broker in running:
            broker.process.terminate()
            self.thaw(broker.id)
        deadline = time.monotonic() + STOP_SECONDS
        for broker in running:
            with suppress(subprocess.TimeoutExpired):
                broker.process.wait(max(0.0, deadline - time.monotonic()))
            broker.started.stop([])

    async def _known_to(self, broker: Broker) -> set[int]:
        """The ids of the brokers that take part, as this one sees it; none if it can't tell."""
        async with _client(self, [broker]) as client:
            try:
                await client.bootstrap()
            except (KafkaError, OSError):
                return set()
            return {node.nodeId for node in client.cluster.brokers()}


def start(directory: Path, *, brokers: int = 1, security: Security | None = None) -> Cluster:
    """A new cluster with its data and logs in `directory`, on free ports of 127.0.0.1.

    Returns when all brokers answer; StackError has the end of the log of one that doesn't.
    KafkaMissing when Java, Maven or the jars are missing.
    """
    ports = {1 + n: (free_port(), free_port()) for n in range(brokers)}
    program = [jars.java(), "-cp", f"{jars.bring()}/*"]
    made = {
        id: _prepare(directory / str(id), id, ports=ports, program=program, security=security)
        for id in ports
    }
    _format(list(made.values()), program, security)
    environment = {} if security is None else security.environment(BROKER_USER)
    cluster = Cluster(made, environment)
    try:
        for id in made:
            cluster.launch(id)
        for id in made:
            cluster.await_ready(id)
    except BaseException:
        cluster.stop()
        raise
    return cluster


async def leader(cluster: Cluster, topic: str, partition: int) -> int:
    """The id of the running broker that leads the partition now; waits for an election."""
    deadline = time.monotonic() + LEADER_SECONDS
    while True:
        id = await _leader(cluster, topic, partition)
        if id in cluster.brokers and cluster.brokers[id].running:
            return id
        if time.monotonic() > deadline:
            raise StackError(f"{topic}/{partition} had no leader for {LEADER_SECONDS} s")
        await asyncio.sleep(0.1)


async def _leader(cluster: Cluster, topic: str, partition: int) -> int | None:
    able = cluster.able()
    async with _client(cluster, able) as client:
        try:
            await client.bootstrap()
            answer = await client.send(able[0].id, MetadataRequest([topic]))
        except (KafkaError, OSError):
            return None
        client.cluster.update_metadata(answer)
        leads: int | None = client.cluster.leader_for_partition(TopicPartition(topic, partition))
        return leads


@asynccontextmanager
async def _client(cluster: Cluster, brokers: Sequence[Broker]) -> AsyncIterator[AIOKafkaClient]:
    """A client that knows these brokers only until it has asked them."""
    addresses = ",".join(f"127.0.0.1:{broker.port}" for broker in brokers)
    settings = msgspec.structs.replace(cluster.settings, kafka_bootstrap_servers=addresses)
    client = AIOKafkaClient(
        **kafka.connection_options(settings), request_timeout_ms=REQUEST_MILLISECONDS
    )
    try:
        yield client
    finally:
        await client.close()


def _prepare(
    directory: Path,
    id: int,
    *,
    ports: Mapping[int, tuple[int, int]],
    program: Sequence[str],
    security: Security | None,
) -> Broker:
    directory.mkdir(parents=True)
    configuration = directory / "broker.properties"
    configuration.touch(mode=0o600)
    settings = properties(id, ports=ports, data=directory / "data", security=security)
    configuration.write_text(text(settings))
    heap = HEAP[len(ports) == 1]
    java, *classes = program
    options = (f"-Xmx{heap}", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
    command = [java, *options, *classes, "kafka.Kafka", str(configuration)]
    return Broker(id, ports[id][0], directory, command)


def _format(brokers: Sequence[Broker], program: Sequence[str], security: Security | None) -> None:
    """Format the storage of all brokers, at once since each takes a JVM."""
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    users = () if security is None else security.users.items()
    scram = [f"SCRAM-SHA-512=[name={name},password={password}]" for name, password in users]
    java, *classes = program
    quick = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
    tool = (java, *quick, *classes, "kafka.tools.StorageTool")
    command = [*tool, "format", f"--cluster-id={cluster}"]  # an id may begin with a hyphen
    running = [
        subprocess.Popen(
            [
                *command,
                *("--config", str(broker.directory / "broker.properties")),
                *(part for user in scram for part in ("--add-scram", user)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for broker in brokers
    ]
    said = [process.communicate()[0] for process in running]
    for process, output in zip(running, said, strict=True):
        if process.returncode != 0:
            raise StackError(f"the storage could not be formatted:\n{output}")


def _in_thread(question: Coroutine[Any, Any, T]) -> T:
    """Ask from a thread: the caller's own may have a running loop."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, question).result()
