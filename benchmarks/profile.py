"""Profiles of the workers by py-spy, a tool of its own: `pip install py-spy`."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks import BenchmarkError
from benchmarks.options import Options
from benchmarks.stage import Stage

SAMPLES_PER_SECOND = "200"


@contextmanager
def profiled(options: Options, stage: Stage, services: Sequence[str]) -> Iterator[None]:
    """While the block runs, record every process of these services into `options.profile`.

    `<name>.speedscope.json` for www.speedscope.app or any reader of it. Costs some of the speed.
    """
    if options.profile is None:
        yield
        return
    program = _program()
    options.profile.mkdir(parents=True, exist_ok=True)
    recording = [
        _record(program, child.pid, options.profile / f"{child.name}.speedscope.json")
        for service in services
        for child in stage.running[service]
    ]
    try:
        yield
    finally:
        for process in recording:
            process.send_signal(signal.SIGINT)
        for process in recording:
            process.wait(30)


def _program() -> str:
    beside = Path(sys.executable).with_name("py-spy")
    found = str(beside) if beside.exists() else shutil.which("py-spy")
    if found is None:
        raise BenchmarkError("--profile needs py-spy: pip install py-spy")
    return found


def _record(program: str, pid: int, output: Path) -> "subprocess.Popen[bytes]":
    command = [program, "record", "--pid", str(pid), "--output", str(output)]
    return subprocess.Popen(
        [
            *command,
            "--format",
            "speedscope",
            "--rate",
            SAMPLES_PER_SECOND,
            "--duration",
            "unlimited",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
