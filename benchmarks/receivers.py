"""Receivers of webhooks that cost little: all of them in a process of their own, on one port.

Receiver n is the path `/n`. A dead one takes requests and never answers.
"""

import asyncio
import multiprocessing
import socket
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event
from typing import Any, NamedTuple, cast

import httptools
import msgspec
import uvloop
from standardwebhooks.webhooks import Webhook

from benchmarks import BenchmarkError

# Of each receiver one in so many is verified: it costs a receiver more than the rest.
VERIFIED_OF = 50
LOOK_SECONDS = 0.05
_TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"


class Delivery(NamedTuple):
    """What was taken: when the event is from, and when it had come (Unix time)."""

    receiver: int
    id: str
    subject: str
    sequence: int
    time: float
    arrived: float


class _State(msgspec.Struct):
    sequence: int


class _Credit(msgspec.Struct):
    subject: str
    time: datetime
    data: _State


@dataclass(slots=True)
class Receivers:
    """Receivers at work, each with its secret."""

    process: Any
    port: int
    taken: Any
    stopping: Event
    results: "SimpleQueue[Any]"

    @property
    def pid(self) -> int:
        return int(self.process.pid)

    def url(self, number: int) -> str:
        return f"http://127.0.0.1:{self.port}/{number}"

    def check(self) -> None:
        """BenchmarkError when they have ended before they were asked to."""
        if not self.process.is_alive():
            raise BenchmarkError("the receivers ended")

    async def finish(self) -> list[Delivery]:
        """Everything that was taken, as it came; BenchmarkError for a wrong signature."""
        self.stopping.set()
        found = await asyncio.to_thread(self.results.get)
        if isinstance(found, str):
            raise BenchmarkError(f"the receivers ended: {found}")
        return [Delivery(*row) for row in found]


@contextmanager
def receiving(secrets: Sequence[str], dead: Collection[int]) -> Iterator[Receivers]:
    """Start a receiver for each secret; `dead` are the numbers of those that don't answer."""
    context = multiprocessing.get_context("spawn")
    results: SimpleQueue[Any] = context.SimpleQueue()
    taken, stopping = context.Value("Q", 0, lock=False), context.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        process = context.Process(
            target=_run, args=(listener, secrets, dead, taken, stopping, results), daemon=True
        )
        process.start()
        try:
            yield Receivers(process, listener.getsockname()[1], taken, stopping, results)
        finally:
            process.terminate()
            process.join()


@dataclass(slots=True)
class _Taking:
    """What the receivers know, and what they have taken."""

    secrets: Sequence[str]
    dead: Collection[int]
    taken: Any
    rows: list[Delivery] = field(default_factory=list)
    wrong: str | None = None

    def take(self, receiver: int, headers: dict[str, str], body: bytes) -> None:
        arrived = time.time()
        if len(self.rows) % VERIFIED_OF == 0:
            try:
                Webhook(self.secrets[receiver]).verify(body, headers)
            except Exception as error:
                self.wrong = self.wrong or f"{headers}: {error!r}"
        credit = _credit.decode(body)
        id, sent = headers["webhook-id"], credit.time.timestamp()
        self.rows.append(
            Delivery(receiver, id, credit.subject, credit.data.sequence, sent, arrived)
        )
        self.taken.value = len(self.rows)


_credit = msgspec.json.Decoder(_Credit)


class _Connection(asyncio.Protocol):
    """One connection, as httptools reads it."""

    def __init__(self, taking: _Taking) -> None:
        self._taking = taking
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._headers: dict[str, str] = {}
        self._body = b""

    def on_url(self, url: bytes) -> None:
        self._receiver = int(url.removeprefix(b"/"))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if self._receiver not in self._taking.dead:
            self._taking.take(self._receiver, self._headers, self._body)
            self._transport.write(_TAKEN)


def _run(
    listener: socket.socket,
    secrets: Sequence[str],
    dead: Collection[int],
    taken: Any,
    stopping: Event,
    results: "SimpleQueue[Any]",
) -> None:
    taking = _Taking(secrets, dead, taken)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(listener, taking, stopping))
        results.put(taking.wrong or [tuple(row) for row in taking.rows])
    except Exception as error:
        results.put(repr(error))


async def _serve(listener: socket.socket, taking: _Taking, stopping: Event) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(taking), sock=listener)
    while not stopping.is_set():
        await asyncio.sleep(LOOK_SECONDS)
    server.close()
