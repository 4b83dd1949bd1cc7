"""Log lines are JSON, ours and those of libraries."""

import json
import subprocess
import sys

PROGRAM = """
import logging, structlog
from shared.logging import configure
configure("ingest", "info")
log = structlog.get_logger()
log.debug("unseen")
log.info("batch_posted", rows=3, label="深绿")
logging.getLogger("aiokafka").info("unseen")
logging.getLogger("aiokafka").warning("broker %s is away", 1)
try:
    1 / 0
except ZeroDivisionError:
    log.exception("failed")
"""


def test_lines() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60
    )
    lines = [json.loads(line) for line in run.stdout.splitlines()]

    assert [line["event"] for line in lines] == ["batch_posted", "library_message", "failed"]
    assert all(line["service"] == "ingest" and line["timestamp"] for line in lines)
    assert (lines[0]["rows"], lines[0]["label"], lines[0]["level"]) == (3, "深绿", "info")
    assert (lines[1]["message"], lines[1]["logger"]) == ("broker 1 is away", "aiokafka")
    assert "ZeroDivisionError" in lines[2]["exception"]
    assert run.stderr == ""
