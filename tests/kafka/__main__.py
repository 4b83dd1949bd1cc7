"""python -m tests.kafka PYTEST-ARGUMENTS: pytest against one broker of Apache Kafka."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tanzhang.stack import StackError
from tests.kafka import cluster
from tests.kafka.jars import KafkaMissing


def main(arguments: list[str]) -> int:
    """pytest's exit code; 2 when there is no broker."""
    # Ctrl-C reaches pytest too: it says what it has, and the broker ends after it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="tanzhang-kafka-") as directory:
        began = time.monotonic()
        try:
            running = cluster.start(Path(directory) / "broker")
        except (KafkaMissing, StackError) as error:
            print(f"tests.kafka: {error}", file=sys.stderr)
            return 2
        print(f"Apache Kafka is ready in {time.monotonic() - began:.1f} s: {running.bootstrap}")
        try:
            return _pytest(arguments, running.bootstrap)
        finally:
            running.stop()


def _pytest(arguments: list[str], bootstrap: str) -> int:
    tests = subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments],
        env=os.environ | {"TANZHANG_TEST_KAFKA": bootstrap},
    )
    while True:
        try:
            return tests.wait()
        except KeyboardInterrupt:
            continue
        except SystemExit:
            tests.terminate()
            tests.wait()
            raise


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
