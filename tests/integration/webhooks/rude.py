"""A receiver that does with the connection whatever a test wants."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Speak = Callable[[asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@dataclass(slots=True)
class Rude:
    """`speak` answers each request; counted are connections and requests."""

    speak: Speak
    url: str = ""
    connections: int = 0
    requests: int = 0
    _open: list[asyncio.StreamWriter] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.append(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
                await reader.readexactly(int(size))
                self.requests += 1
                await self.speak(writer)
                await writer.drain()

    def leave(self) -> None:
        for writer in self._open:
            writer.close()


@asynccontextmanager
async def rude(speak: Speak) -> AsyncIterator[Rude]:
    """Listens on a free port of 127.0.0.1."""
    found = Rude(speak)
    server = await asyncio.start_server(found, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        yield found
    finally:
        server.close()
        found.leave()


def saying(*parts: bytes) -> Speak:
    """These bytes, and no more."""

    async def speak(writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)

    return speak


async def dripping(writer: asyncio.StreamWriter) -> None:
    """An answer that never gets to its status' end, byte by byte."""
    writer.write(b"HTTP/1.1 200 OK\r\nx: ")
    while not writer.is_closing():
        writer.write(b"y")
        await writer.drain()
        await asyncio.sleep(0.01)


async def endless(writer: asyncio.StreamWriter) -> None:
    """Taken, with a body that never ends."""
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
        await writer.drain()
