"""Child processes that never outlive us and never get the terminal's Ctrl-C."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tanzhang.stack import StackError

PR_SET_PDEATHSIG = 1
LOG_TAIL_LINES = 20


@dataclass(slots=True, frozen=True)
class Child:
    """A running program and the file its output goes to."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def exit_code(self) -> int | None:
        """None while it runs; negative for a signal."""
        return self.process.poll()

    def ended_because(self) -> str:
        """One sentence and the end of its log, for the person at the terminal."""
        code = self.process.returncode
        how = f"exit code {code}"
        if code is not None and code < 0:
            how = f"signal {signal.Signals(-code).name}"
        return f"{self.name} ended ({how}); the end of {self.log}:\n{log_tail(self.log)}"

    def stop(self, signals: Sequence[tuple[signal.Signals, float]]) -> bool:
        """Send each signal and wait its seconds; False when only the last resort ended it."""
        for number, seconds in signals:
            if self.exit_code() is not None:
                return True
            self.process.send_signal(number)
            try:
                self.process.wait(seconds)
                return True
            except subprocess.TimeoutExpired:
                continue
        self.process.kill()
        self.process.wait()
        return False


def start(
    name: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str],
    user: tuple[int, int] | None = None,
    at_parents_death: signal.Signals = signal.SIGKILL,
) -> Child:
    """Start a program in a session of its own, appending its output to `log`.

    `user` is (uid, gid). On Linux the kernel sends `at_parents_death` when the calling
    thread ends for whatever reason, so call this from the main thread.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    identity = {} if user is None else {"user": user[0], "group": user[1], "extra_groups": []}
    with log.open("ab") as output:
        try:
            process = subprocess.Popen(  # type: ignore[call-overload]
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                start_new_session=True,
                preexec_fn=_die_with_parent(at_parents_death),  # noqa: PLW1509
                **identity,
            )
        except OSError as error:
            raise StackError(f"{name} does not start: {error}") from error
    return Child(name, process, log)


def _die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def ask_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel was asked
            os._exit(1)

    return ask_kernel


def put_away_logs(directory: Path) -> None:
    """Keep the logs of the run before this one as `<name>.log.old`, and no older ones."""
    for log in directory.glob("*.log"):
        log.replace(log.with_name(f"{log.name}.old"))


def log_tail(log: Path, lines: int = LOG_TAIL_LINES) -> str:
    """The last lines of a log, indented; empty logs say so."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 16_384))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        text = ""
    last = text.splitlines()[-lines:]
    return "\n".join(f"  {line}" for line in last) or "  (nothing was written)"


def await_true(condition: Callable[[], bool], child: Child, seconds: float, what: str) -> None:
    """Wait until `condition`; StackError when the child ends or the time is up."""
    deadline = time.monotonic() + seconds
    while not condition():
        if child.exit_code() is not None:
            raise StackError(child.ended_because())
        if time.monotonic() > deadline:
            raise StackError(
                f"{child.name} {what} not within {seconds:.0f} s; "
                f"the end of {child.log}:\n{log_tail(child.log)}"
            )
        time.sleep(0.02)
