"""A shell that a page is typed into, block by block."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_END = "\x1e"


@dataclass(slots=True, frozen=True)
class Said:
    """What a block said, errors too; `code` is None when it came to its end."""

    text: str
    code: int | None


class Shell:
    """POSIX `sh`. Variables, functions and background jobs last until `close`."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self._directory = directory
        self._process = subprocess.Popen(
            ["sh", "-u"],
            cwd=directory,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            bufsize=0,
        )

    def run(self, text: str, seconds: float) -> Said:
        """Do what a block says, up to its first command that fails; TimeoutError."""
        script = self._directory / ".block.sh"
        script.write_text(text)
        assert self._process.stdin is not None
        line = f"set -e; . ./{script.name} </dev/null; set +e; printf '{_END}'\n"
        self._process.stdin.write(line.encode())
        return self._until_end(time.monotonic() + seconds)

    def close(self) -> None:
        """End the shell and what it left running."""
        with suppress(ProcessLookupError):  # it has ended and left nothing
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def _until_end(self, deadline: float) -> Said:
        assert self._process.stdout is not None
        said, pipe = b"", self._process.stdout.fileno()
        while not said.endswith(_END.encode()):
            ready, _, _ = select.select([pipe], [], [], max(deadline - time.monotonic(), 0))
            if not ready:
                raise TimeoutError(f"no end of it; so far: {said.decode()}")
            chunk = os.read(pipe, 65536)
            if not chunk:
                return Said(said.decode(), self._process.wait())
            said += chunk
        return Said(said.decode().removesuffix(_END), None)
