"""PostgreSQL 18 and Apache Kafka 4 as they run in earnest, and what can happen to them."""

import asyncio
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tanzhang.stack import postgres as embedded
from tests.kafka import cluster as kafka_cluster
from tests.kafka.cluster import Cluster

BROKERS = 3
# Nothing is thrown away here: a server that is stopped at once must keep what it has committed.
DURABLE = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_connections": "200",
    # Less to recover.
    "checkpoint_timeout": "1min",
}
STOP_SECONDS = 60


@dataclass(slots=True)
class Servers:
    """Running servers. `starter` is the thread that PostgreSQL belongs to: it ends with it."""

    directory: Path
    postgres: embedded.Postgres
    cluster: Cluster
    starter: ThreadPoolExecutor

    async def stop_postgres_at_once(self) -> None:
        """`pg_ctl stop -m immediate`: no checkpoint, every session is cut."""
        process = self.postgres.child.process
        process.send_signal(signal.SIGQUIT)
        await asyncio.to_thread(process.wait, STOP_SECONDS)

    async def start_postgres(self) -> None:
        """Start it again on its data and port; it recovers from its log."""
        loop, port = asyncio.get_running_loop(), self.postgres.port
        self.postgres = await loop.run_in_executor(self.starter, _start, self.directory, port)

    async def start_broker(self, id: int) -> None:
        """Start a broker that has ended; returns when it is one of the cluster again."""
        self.cluster.launch(id)
        await asyncio.to_thread(self.cluster.await_ready, id)

    def stop(self) -> None:
        """End them all, in whatever state they are."""
        self.cluster.stop()
        self.postgres.stop()


def _start(directory: Path, port: int = 0) -> embedded.Postgres:
    log = directory / "postgres.log"
    return embedded.start(directory / "postgres", log=log, port=port, settings=DURABLE)


@contextmanager
def running(directory: Path) -> Iterator[Servers]:
    """A database server and three brokers for the length of the block."""
    with ExitStack() as ends:
        starter = ends.enter_context(ThreadPoolExecutor(1))
        postgres = starter.submit(_start, directory).result()
        servers = Servers(directory, postgres, kafka_cluster.Cluster({}), starter)
        ends.callback(servers.stop)
        servers.cluster = kafka_cluster.start(directory / "kafka", brokers=BROKERS)
        yield servers
