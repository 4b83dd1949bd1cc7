"""A broker as a bank runs it: SASL/SCRAM-SHA-512 over TLS, its own CA."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tanzhang.stack import children, directory
from tanzhang.stack.ports import answers, free_port
from tests.e2e.city import visiting
from tests.e2e.events import Author
from tests.e2e.up import ROOT, Up
from tests.kafka.batches import producer_ids
from tests.kafka.cluster import Cluster
from tests.kafka.security import certificate_authority

SECONDS_MAX = 60
TRIES, LINES_MAX = 3, 60
SERVICES = ("ingest", "personal")
PASSWORDS = ("correct horse", "battery staple")
WRONG = {
    "wrong password": ({"KAFKA_SASL_PASSWORD": PASSWORDS[1]}, "SaslAuthenticationFailed"),
    "unknown user": ({"KAFKA_SASL_USERNAME": "nobody"}, "SaslAuthenticationFailed"),
    "untrusted authority": ({}, "CERTIFICATE_VERIFY_FAILED"),
    "no TLS": ({"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT"}, "KafkaConnectionError"),
    "no TLS and no name": ({"KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}, "KafkaConnectionError"),
}


@pytest.fixture(scope="module")
def up(stack_directory: Path, environment: dict[str, str]) -> Iterator[Up]:
    """The six services on the secured broker, its topics made by `tanzhang topics`."""
    made = command("topics", environment)
    assert (made.returncode, made.stdout.count(": made")) == (0, 10), made.stderr
    running = Up(stack_directory / "secured", environment=environment)
    running.start()
    yield running
    running.kill()


def command(name: str, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tanzhang", name],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_MAX,
    )


async def test_a_payment_goes_all_the_way(up: Up, author: Author, secured: Cluster) -> None:
    async with visiting(up) as city:
        await city.send(author.payment())
        person = author.person()
        await city.shows(lambda: city.personal(person), reduction_g="23.096")
        await city.shows(lambda: city.points(person), balance="23.096")
        await city.records("point-credits", person, enough=lambda found: len(found) == 1)
        for topic in ("payments", "personal-reductions", "point-credits"):
            found = producer_ids(secured, topic)
            assert found, topic
            assert min(found) >= 0, f"{topic}: a producer that is not idempotent"


@pytest.mark.parametrize("name", WRONG)
def test_who_may_not_come_in_waits_and_says_why(
    name: str, up: Up, environment: dict[str, str], tmp_path: Path
) -> None:
    changed, reason = WRONG[name]
    wrong = environment | changed
    if name == "untrusted authority":
        other = tmp_path / "other.pem"
        other.write_bytes(certificate_authority("Another CA")[1].public_bytes(Encoding.PEM))
        wrong |= {"KAFKA_SSL_CAFILE": str(other)}
    state = directory.find(up.data_dir)
    wrong |= {k: v for k, v in state.environment.items() if k.endswith("DATABASE_URL")}
    wrong |= {"TANZHANG_AUTH": "off", "TANZHANG_ERASURE_KEY": "0" * 64}
    running = {}
    try:
        for service in SERVICES:
            port = free_port()
            running[service] = (start(service, port, wrong, tmp_path), port)
        topics = command("topics", wrong)
        assert topics.returncode != 0
        assert "Traceback" not in topics.stderr
        for child, port in running.values():
            refused(child, port, reason)
        for child, _ in running.values():
            assert child.stop([(signal.SIGTERM, SECONDS_MAX)])
            assert child.exit_code() == 0, child.ended_because()
    finally:
        for child, _ in running.values():
            child.stop([])


def test_the_listener_speaks_nothing_but_tls(secured: Cluster) -> None:
    versions = bytes.fromhex("0000000a00120000000000010000")
    with socket.create_connection(("127.0.0.1", secured.brokers[1].port), timeout=60) as plain:
        plain.sendall(versions)
        try:
            answer = plain.recv(1024)
        except ConnectionResetError:
            answer = b""
    assert answer[:1] in (b"", b"\x15"), "an alert of TLS, if anything"


def start(service: str, port: int, environment: dict[str, str], logs: Path) -> children.Child:
    role = "api" if service == "ingest" else "worker"
    arguments = ("run", service, "--role", role, "--port", str(port))
    return children.start(
        service,
        [sys.executable, "-m", "tanzhang", *arguments],
        log=logs / f"{service}.log",
        environment=environment,
    )


def refused(child: children.Child, port: int, reason: str) -> None:
    """It lives, is not ready, has said why in lines of JSON, and did not flood its log."""
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(trust_env=False, timeout=60) as http:
        until(child, lambda: answers(port))
        until(child, lambda: http.get(f"{url}/readyz").status_code == 503)
        until(child, lambda: child.log.read_text().count(reason) >= TRIES)
        assert http.get(f"{url}/livez").status_code == 200
        assert http.get(f"{url}/readyz").status_code == 503
    said = child.log.read_text()
    lines = said.splitlines()
    assert len(lines) < LINES_MAX
    assert all("event" in json.loads(line) for line in lines)
    assert not any(word in said for word in ("Traceback", *PASSWORDS)), said


def until(child: children.Child, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not condition():
        assert child.exit_code() is None, child.ended_because()
        assert time.monotonic() < deadline, children.log_tail(child.log)
        time.sleep(0.1)
