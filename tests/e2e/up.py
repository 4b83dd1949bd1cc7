"""`tanzhang up` and the other commands, as processes of their own."""

import os
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from tanzhang.demo.place import own_environment
from tanzhang.stack import StackError, directory

SECONDS_MAX = 120
ROOT = Path(__file__).parents[2]


def _environment() -> dict[str, str]:
    """TANZHANG_TEST_KAFKA=host:port is the broker instead of the embedded one, under a prefix."""
    given = own_environment(os.environ)
    broker = os.environ.get("TANZHANG_TEST_KAFKA")
    if broker is None:
        return given
    prefix = f"e2e-{uuid.uuid4().hex[:12]}-"
    return given | {"KAFKA_BOOTSTRAP_SERVERS": broker, "TANZHANG_TOPIC_PREFIX": prefix}


@dataclass(slots=True)
class Up:
    """A stack of the data directory; started at most once at a time."""

    data_dir: Path
    ready_after: float = 0.0
    process: "subprocess.Popen[str] | None" = None
    # Most tests are about something else, and two processes less are ready sooner.
    options: tuple[str, ...] = ("--no-webhooks",)
    environment: dict[str, str] = field(default_factory=_environment)

    def start(self) -> directory.StackState:
        """Start it and wait until it is ready, two minutes at the most on a busy machine."""
        log = self.data_dir.with_suffix(".out")
        began = time.monotonic()
        with log.open("w") as output:
            self.process = subprocess.Popen(
                self._command("up", "--base-port", "0", *self.options),
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                env=self.environment,
            )
        try:
            self._await_ready(log, began + SECONDS_MAX)
            self.ready_after = time.monotonic() - began
            return directory.find(self.data_dir)
        except StackError as error:
            raise AssertionError(f"{error}; it said: {self.said()}") from error
        except BaseException:
            self.kill()
            raise

    def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(SECONDS_MAX)

    def kill(self) -> None:
        """End it whatever it does; its parts end with it."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """A command on this stack, to its end."""
        return subprocess.run(
            self._command(*arguments),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS_MAX,
            env=self.environment,
        )

    def said(self) -> str:
        return self.data_dir.with_suffix(".out").read_text()

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "tanzhang", *arguments, "--data-dir", str(self.data_dir)]

    def _await_ready(self, log: Path, deadline: float) -> None:
        assert self.process is not None
        while "ready in" not in log.read_text():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, f"not ready in {SECONDS_MAX} s: {self.said()}"
            time.sleep(0.05)
