"""The data directory: one owner at a time, and what other commands need to find the stack."""

import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from shared.settings import Settings, from_environment, with_files
from tanzhang.stack import StackError

LOCK = "lock"
STATE = "stack.json"


class StackState(msgspec.Struct, frozen=True, kw_only=True):
    """A started stack. `environment` is what its services were given beyond the caller's own.

    `unsure_since`, after an unclean stop, is the first start since the last clean one: what was
    sent since then may have been lost with a broker, also with that of a stack that said it again.
    """

    pid: int
    started_at: datetime
    cluster_id: str | None
    ports: dict[str, int]
    webhook_ports: dict[str, int] = msgspec.field(default_factory=dict)
    environment: dict[str, str]
    ready: bool = False
    unsure_since: datetime | None = None

    def port(self, process: str) -> int:
        """Of a service, or of a process that delivers its webhooks."""
        return (self.ports | self.webhook_ports)[process]

    def url(self, process: str) -> str:
        """http://127.0.0.1:port of a service, or of a process that delivers its webhooks."""
        return f"http://127.0.0.1:{self.port(process)}"


@contextmanager
def hold(directory: Path) -> Iterator[Path]:
    """Own the directory (made when missing) until the block ends; StackError names the owner."""
    try:
        directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StackError(f"the data directory cannot be used: {error}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(descriptor, 32).decode().strip() or "unknown"
            raise StackError(
                f"{directory} is in use by a running tanzhang (pid {owner}): "
                "stop it first, or choose another --data-dir"
            ) from None
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield directory.resolve()
    finally:
        os.close(descriptor)


def is_held(directory: Path) -> bool:
    """Whether a process owns the directory right now."""
    try:
        descriptor = os.open(directory / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def save(directory: Path, state: StackState) -> None:
    """Write the state whole or not at all, for our eyes only (it has the passwords)."""
    new = directory / f"{STATE}.new"
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(state), indent=2) + b"\n")
    new.replace(directory / STATE)


def read(directory: Path) -> StackState | None:
    """The last state written; None after a clean stop."""
    try:
        return msgspec.json.decode((directory / STATE).read_bytes(), type=StackState)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise StackError(f"{directory / STATE} cannot be read: {error}") from error


def forget(directory: Path) -> None:
    """Remove the state: the stack has been stopped cleanly."""
    (directory / STATE).unlink(missing_ok=True)


def find(directory: Path) -> StackState:
    """The running stack of the directory; StackError when none runs or is ready."""
    state = read(directory) if is_held(directory) else None
    if state is None:
        raise StackError(f"no stack runs in {directory}: start one with `tanzhang up`")
    if not state.ready:
        raise StackError(f"the stack in {directory} is still starting: try again when it is ready")
    return state


def settings_of(
    directory: Path, environment: Mapping[str, str] = os.environ
) -> tuple[Settings, StackState | None]:
    """Settings for a command: the running stack's, else those of the environment.

    StackError when neither a stack runs nor DATABASE_URL or KAFKA_BOOTSTRAP_SERVERS is set.
    """
    given = with_files(environment)
    if is_held(directory):
        state = find(directory)
        return from_environment({**given, **state.environment}), state
    if not any(name.endswith("DATABASE_URL") and given[name] for name in given):
        find(directory)
    return from_environment(given), None


def secret(directory: Path, name: str) -> str:
    """A random secret that stays the same for the life of the directory (file of mode 600)."""
    path = directory / name
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    value = secrets.token_hex(32)
    with os.fdopen(descriptor, "w") as file:
        file.write(value)
    return value
