"""A client of the door that costs little: requests made beforehand, sent over plain sockets.

It runs as a process of its own. `flood` keeps every connection busy; `pace` sends at a constant
rate whatever the answers do, so that a slow answer delays no later request in the count.
"""

import asyncio
import multiprocessing
import re
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import count, cycle, islice
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event
from typing import Any, Literal

import uvloop

from benchmarks import BenchmarkError
from benchmarks.load import Record

CONNECTIONS_MAX = 256
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_ACCEPTED = re.compile(rb'"accepted": *(\d+)')


@dataclass(slots=True, frozen=True)
class Plan:
    """What to send where. `per_second` requests (pace), or `connections` at work (flood)."""

    ports: Sequence[int]
    token: str
    bodies: Sequence[bytes]
    how: Literal["flood", "pace"]
    requests: int | None
    connections: int = 8
    per_second: float = 0.0


@dataclass(slots=True, frozen=True)
class Answer:
    """A request: when it was due and when its 202 came (Unix time), and how many were accepted."""

    number: int
    due: float
    answered: float
    accepted: int

    @property
    def milliseconds(self) -> float:
        return (self.answered - self.due) * 1000


def paced(
    ports: Sequence[int], token: str, records: Sequence[Record], batch: int, per_second: int
) -> Plan:
    """These records in batches through the door, so many of them per second."""
    sent = bodies(records, batch)
    rate = per_second / batch
    return Plan(ports, token, sent, "pace", len(sent), per_second=rate)


def bodies(records: Sequence[Record], size: int) -> list[bytes]:
    """CloudEvents batches of `size` records."""
    starts = range(0, len(records), size)
    return [b"[" + b",".join(value for _, value in records[at : at + size]) + b"]" for at in starts]


@dataclass(slots=True)
class Client:
    """A client at work. It ends after its requests, or when `finish` is called."""

    process: Any
    stopping: Event
    results: "SimpleQueue[Any]"

    @property
    def pid(self) -> int:
        return int(self.process.pid)

    def check(self) -> None:
        """BenchmarkError when it has ended before it was asked to."""
        if not self.process.is_alive():
            raise BenchmarkError(f"the client ended: {self.results.get()}")

    async def answers(self) -> list[Answer]:
        """Wait for its end; BenchmarkError when a request was refused."""
        found = await asyncio.to_thread(self.results.get)
        if isinstance(found, str):
            raise BenchmarkError(f"the client ended: {found}")
        return [Answer(*row) for row in found]

    async def finish(self) -> list[Answer]:
        """No more requests; what was answered."""
        self.stopping.set()
        return await self.answers()


@contextmanager
def sending(plan: Plan) -> Iterator[Client]:
    """Start a client; it has its requests ready and begins at once."""
    context = multiprocessing.get_context("spawn")
    results: SimpleQueue[Any] = context.SimpleQueue()
    stopping = context.Event()
    process = context.Process(target=_run, args=(plan, stopping, results), daemon=True)
    process.start()
    try:
        yield Client(process, stopping, results)
    finally:
        process.terminate()
        process.join()


def _run(plan: Plan, stopping: Event, results: "SimpleQueue[Any]") -> None:
    work = _flood if plan.how == "flood" else _pace
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            results.put(runner.run(work(plan, stopping)))
    except Exception as error:
        results.put(repr(error))


def _requests(plan: Plan) -> Iterator[tuple[int, bytes]]:
    """The requests, numbered; bodies come again when there are more requests than bodies."""
    made = [_request(plan.token, body) for body in plan.bodies]
    numbers = count() if plan.requests is None else range(plan.requests)
    return zip(numbers, cycle(made), strict=False)


def _request(token: str, body: bytes) -> bytes:
    head = (
        "POST /v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        f"authorization: Bearer {token}\r\ncontent-type: application/cloudevents-batch+json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _flood(plan: Plan, stopping: Event) -> list[tuple[int, float, float, int]]:
    """Each connection sends its next request when it has its answer."""
    requests, answers = _requests(plan), []

    async def work(connection: "_Connection") -> None:
        for number, request in requests:
            if stopping.is_set():
                return
            due = time.time()
            accepted = await connection.send(request)
            answers.append((number, due, time.time(), accepted))

    ports = islice(cycle(plan.ports), plan.connections)
    connections = [await _Connection.open(port) for port in ports]
    async with asyncio.TaskGroup() as group:
        for connection in connections:
            group.create_task(work(connection))
    return answers


async def _pace(plan: Plan, stopping: Event) -> list[tuple[int, float, float, int]]:
    """Request n is due n / rate seconds after the first, and counts from then."""
    answers: list[tuple[int, float, float, int]] = []
    pools = [_Pool(port) for port in plan.ports]

    async def send(number: int, due: float, request: bytes) -> None:
        async with pools[number % len(pools)].connection() as connection:
            accepted = await connection.send(request)
        answers.append((number, due, time.time(), accepted))

    begin = time.time() + 0.1
    async with asyncio.TaskGroup() as group:
        for number, request in _requests(plan):
            due = begin + number / plan.per_second
            if (early := due - time.time()) > 0:
                await asyncio.sleep(early)
            if stopping.is_set():
                break
            group.create_task(send(number, due, request))
    return answers


@dataclass(slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @staticmethod
    async def open(port: int) -> "_Connection":
        return _Connection(*await asyncio.open_connection("127.0.0.1", port))

    async def send(self, request: bytes) -> int:
        """How many events were accepted; anything but a whole acceptance raises."""
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        body = await self.reader.readexactly(int(length[1])) if length else b""
        accepted = _ACCEPTED.search(body)
        if not head.startswith(b"HTTP/1.1 202 ") or accepted is None or b'"index"' in body:
            status = head.partition(b"\r\n")[0]
            raise BenchmarkError(f"{status!r}: {body[:500]!r}")
        return int(accepted[1])


class _Pool:
    """Connections of one port: an idle one, or a new one."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[_Connection] = []
        self._free = asyncio.Semaphore(CONNECTIONS_MAX)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[_Connection]:
        async with self._free:
            # The door hangs up on what has been idle for long.
            self._idle = [idle for idle in self._idle if not idle.reader.at_eof()]
            found = self._idle.pop() if self._idle else await _Connection.open(self._port)
            yield found
            self._idle.append(found)
