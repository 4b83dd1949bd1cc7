"""docker-compose.yml as it runs: from no secrets to an account, by the documented way."""

import asyncio
import re
import signal
import subprocess
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx
import jwt
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from shared.settings import DOMAIN_SERVICES
from tanzhang.stack import probes
from tests.deploy.compose import composed, servers
from tests.deploy.compose.containers import Containers, await_end

ENTERPRISE = "91330800MA2DEMXY2C"
OURS = sorted(set(composed.ours()) - {"setup"})
POSTED_SECONDS = 60
ASKED = {
    "industrial": f"/v1/enterprises/{ENTERPRISE}",
    "agri": "/v1/farms/farm-1",
    "personal": "/v1/accounts/bank:1",
    "grading": "/v1/policies",
    "points": "/v1/accounts/bank:1",
}


def token(containers: Containers, *arguments: str) -> dict[str, str]:
    ran = containers.run("token", *arguments)
    assert ran.returncode == 0, ran.stderr
    return {"Authorization": f"Bearer {ran.stdout.strip()}"}


def secret(containers: Containers, name: str) -> str:
    return (containers.secrets / name).read_text().strip()


def connect(containers: Containers, name: str, database: str | None = None) -> str:
    """The address in a secret, on this machine; in another database when one is given."""
    url = containers.here("", secret(containers, name))
    return url if database is None else url.rpartition("/")[0] + f"/{database}"


@pytest.mark.parametrize("name", OURS)
def test_every_service_becomes_healthy(containers: Containers, name: str) -> None:
    containers.await_healthy(name)


@pytest.mark.parametrize(("name", "path"), ASKED.items())
def test_nothing_is_told_without_a_token(containers: Containers, name: str, path: str) -> None:
    containers.await_healthy(name)
    assert httpx.get(containers.url(name) + path, timeout=60).status_code == 401


def test_nothing_is_taken_without_a_token(containers: Containers) -> None:
    containers.await_healthy("ingest")
    assert (
        httpx.post(f"{containers.url('ingest')}/v1/events", json={}, timeout=60).status_code == 401
    )


async def test_a_reading_is_posted_to_its_account(containers: Containers) -> None:
    for name in ("ingest", "industrial"):
        containers.await_healthy(name)
    headers = token(containers)
    async with httpx.AsyncClient(headers=headers, timeout=60) as client:
        industrial = containers.url("industrial")
        answer = await client.put(
            f"{industrial}/v1/enterprises/{ENTERPRISE}",
            json={"name": "Example Works", "sector": "3120", "district": "kecheng"}
            | {"grid_region": "zhejiang", "product": "steel", "product_unit": "t"},
        )
        assert answer.is_success, answer.text
        answer = await client.put(
            f"{industrial}/v1/meters/m-1",
            json={"enterprise_id": ENTERPRISE, "carrier": "electricity"}
            | {"unit": "kWh", "kind": "interval"},
        )
        assert answer.is_success, answer.text
        answer = await client.post(
            f"{containers.url('ingest')}/v1/events",
            json=reading(),
            headers={"content-type": "application/cloudevents+json"},
        )
        assert answer.is_success, answer.text

        async def posted() -> bool:
            account = await client.get(
                f"{industrial}/v1/enterprises/{ENTERPRISE}/account", params={"year": 2022}
            )
            return "0.5153" in account.text

        assert await probes.until(posted, POSTED_SECONDS)


def reading() -> dict[str, object]:
    return {
        "specversion": "1.0",
        "type": "cn.tanzhang.meter.reading.v1",
        "source": "urn:utility:quzhou",
        "id": "r-1",
        "subject": ENTERPRISE,
        "data": {
            "meter_id": "m-1",
            "kind": "interval",
            "start": "2022-03-01T00:00:00+08:00",
            "end": "2022-04-01T00:00:00+08:00",
            "value": "1000",
            "unit": "kWh",
            "quality": "actual",
        },
    }


def test_a_token_can_be_narrowed(containers: Containers) -> None:
    given = token(containers, "--client", "bank", "--scope", "labels:read", "--hours", "1")
    claims = jwt.decode(
        given["Authorization"].removeprefix("Bearer "), options={"verify_signature": False}
    )
    assert (claims["client_id"], claims["scope"]) == ("bank", "labels:read")
    assert claims["exp"] - claims["iat"] == timedelta(hours=1).total_seconds()


async def test_a_service_cannot_enter_the_database_of_another(containers: Containers) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(connect(containers, "personal-database-url", "points"))


async def test_the_wrong_password_opens_no_database(containers: Containers) -> None:
    url = connect(containers, "points-database-url")
    wrong = url.replace(urlsplit(url).password or "", "wrong")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(wrong)


@pytest.mark.parametrize("service", DOMAIN_SERVICES)
async def test_a_database_is_backed_up_and_restored_without_a_password(
    containers: Containers, service: str
) -> None:
    """As docs/operating.md says it, into a database of its own here."""
    dump = f"{containers.directory}/socket/{service}.dump"
    restore = ("pg_restore", "--username=postgres", "--exit-on-error", "--dbname=restored", dump)
    servers.run_in_postgres(
        containers, "pg_dump", "--username=postgres", "--format=custom", f"--file={dump}", service
    )
    for command in (("createdb", "--username=postgres", "restored"), restore):
        servers.run_in_postgres(containers, *command)
    url = connect(containers, f"audit-{service}-database-url", "restored")
    connection = await asyncpg.connect(url)
    try:
        owner = "select schema_owner from information_schema.schemata where schema_name = $1"
        assert await connection.fetchval(owner, service) == service
    finally:
        await connection.close()
        servers.run_in_postgres(containers, "dropdb", "--username=postgres", "restored")


@pytest.mark.parametrize("service", DOMAIN_SERVICES)
async def test_the_auditor_reads_and_writes_nothing(containers: Containers, service: str) -> None:
    connection = await asyncpg.connect(connect(containers, f"audit-{service}-database-url"))
    try:
        assert await connection.fetchval(f"select count(*) >= 0 from {service}.account")
        await connection.execute("set default_transaction_read_only = off")
        await connection.execute("set transaction_read_only = off")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"delete from {service}.account")
    finally:
        await connection.close()


async def test_the_audit_has_looked_and_finds_nothing_wrong(containers: Containers) -> None:
    containers.await_healthy("auditor")
    async with httpx.AsyncClient(timeout=60) as client:

        async def looked() -> bool:
            said = (await client.get(f"{containers.url('auditor')}/metrics")).text
            at = re.search(r"^tanzhang_audit_timestamp_seconds (\S+)$", said, re.MULTILINE)
            wrong = re.findall(r"^tanzhang_audit_wrong\{.*\} (\S+)$", said, re.MULTILINE)
            return at is not None and float(at[1]) > 0 and bool(wrong) and set(wrong) == {"0.0"}

        assert await probes.until(looked, POSTED_SECONDS)


@pytest.mark.parametrize(
    "login",
    [
        {"security_protocol": "PLAINTEXT"},
        {
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": "tanzhang",
            "sasl_plain_password": "wrong",
        },
    ],
    ids=["no login", "wrong password"],
)
async def test_kafka_lets_nobody_in_without_the_password(
    containers: Containers, login: dict[str, str]
) -> None:
    address = containers.here("", "kafka:9092")
    admin = AIOKafkaAdminClient(bootstrap_servers=address, request_timeout_ms=5_000, **login)
    with pytest.raises(KafkaError):
        await asyncio.wait_for(admin.start(), 20)
    await admin.close()


def test_the_setup_can_be_run_again(containers: Containers) -> None:
    child = containers.start("setup")
    assert await_end(child, POSTED_SECONDS) == 0, child.ended_because()


def test_secrets_that_exist_are_kept(containers: Containers) -> None:
    before = {file.name: file.read_bytes() for file in containers.secrets.iterdir()}
    assert containers.run("secrets").returncode == 0
    after = {file.name: file.read_bytes() for file in containers.secrets.iterdir()}
    changed = {name for name in after if before.get(name) != after[name]}
    assert changed == {"service-token"}


def test_without_a_secret_the_service_says_which(containers: Containers, tmp_path: Path) -> None:
    service = composed.services()["ingest"]
    environment = containers.environment("ingest", service)
    missing = tmp_path / "kafka-password"
    ran = subprocess.run(
        containers.command("ingest", service),
        env=environment | {"KAFKA_SASL_PASSWORD_FILE": str(missing)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 1
    assert f"KAFKA_SASL_PASSWORD_FILE: cannot read {missing}" in ran.stderr


def test_services_stop_within_their_grace(containers: Containers) -> None:
    """The last test of the file: what is stopped here is not started again."""
    for name in OURS:
        containers.await_healthy(name)
        containers.running[name].process.send_signal(signal.SIGTERM)
    codes = {name: await_end(containers.running[name], 60) for name in OURS}
    assert codes == dict.fromkeys(OURS, 0)
