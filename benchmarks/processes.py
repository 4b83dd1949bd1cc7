"""CPU time and memory of processes, from /proc (Linux)."""

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
# What a server process of PostgreSQL calls itself: `postgres: user database host state`.
_BACKEND = re.compile(r"postgres: \S+ (\S+) \S+\(\d+\)")


class Usage(msgspec.Struct, frozen=True):
    """CPU seconds between two looks; the highest resident memory in MB since the start."""

    cpu_seconds: float
    peak_mb: float


def cpu_seconds(pid: int, *, with_ended: bool = False) -> float:
    """CPU of a process's threads; `with_ended` adds children that have ended. 0 when it is gone."""
    with suppress(OSError):
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11 : 15 if with_ended else 13])) / TICKS
    return 0.0


def peak_mb(pid: int) -> float:
    """The highest resident memory (shared pages count in each process); 0 when it is gone."""
    with suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", (PROC / str(pid) / "status").read_text())
        return int(found[1]) / 1024 if found else 0.0
    return 0.0


def children_of(pid: int) -> set[int]:
    """The processes whose parent this is."""
    found = set()
    for entry in PROC.glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(entry.read_text().rpartition(")")[2].split()[1]) == pid:
                found.add(int(entry.parent.name))
    return found


def descendants(pid: int) -> set[int]:
    """Children, their children, and so on."""
    direct = children_of(pid)
    return direct.union(*map(descendants, direct))


@dataclass(slots=True)
class Watch:
    """Takes CPU between `begin` and `end` of named processes and of a PostgreSQL server.

    A server's processes are summed by the database they work for; the rest is its upkeep.
    """

    processes: Mapping[str, Iterable[int]]
    postmaster: int
    _before: dict[str, float] = field(default_factory=dict)

    def begin(self) -> None:
        self._before = self._cpu()

    def end(self) -> dict[str, Usage]:
        """Usage since `begin`, by name."""
        peaks = self._peaks()
        return {
            name: Usage(round(cpu - self._before.get(name, 0.0), 3), round(peaks[name], 1))
            for name, cpu in self._cpu().items()
        }

    def _cpu(self) -> dict[str, float]:
        found = {n: sum(map(cpu_seconds, pids)) for n, pids in self.processes.items()}
        found["postgres upkeep"] = cpu_seconds(self.postmaster, with_ended=True)
        for pid, name in self._server().items():
            found[name] = found.get(name, 0.0) + cpu_seconds(pid)
        return found

    def _peaks(self) -> dict[str, float]:
        found = {n: max(map(peak_mb, pids), default=0.0) for n, pids in self.processes.items()}
        found["postgres upkeep"] = peak_mb(self.postmaster)
        for pid, name in self._server().items():
            found[name] = max(found.get(name, 0.0), peak_mb(pid))
        return found

    def _server(self) -> dict[int, str]:
        found = {}
        for pid in children_of(self.postmaster):
            with suppress(OSError):
                title = (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace")
                backend = _BACKEND.match(title)
                found[pid] = f"postgres {backend[1]}" if backend else "postgres upkeep"
        return found
