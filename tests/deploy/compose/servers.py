"""Kafka and PostgreSQL as docker-compose.yml starts them, from jars and from a wheel."""

import os
import pwd
import re
import shlex
import subprocess
from pathlib import Path

from tanzhang.stack import children, postgres, reach
from tests.deploy.compose import composed
from tests.deploy.compose.containers import Containers
from tests.kafka import jars

SCRIPTS = composed.ROOT / "deploy" / "compose"
SECONDS = 90
# What the scripts of Apache Kafka's image do: a class of Kafka with the options of the heap.
SHIMS = {"kafka-storage.sh": "kafka.tools.StorageTool", "kafka-server-start.sh": "kafka.Kafka"}


def start_kafka(containers: Containers) -> children.Child:
    """The service's own start script and configuration; StackError when it does not get ready."""
    service = composed.services()["kafka"]
    home = containers.directory / "kafka"
    (home / "bin").mkdir(parents=True, exist_ok=True)
    for name, program in SHIMS.items():
        write_shim(home / "bin" / name, program)
    configuration = home / "server.properties"
    text = (SCRIPTS / "kafka" / "server.properties").read_text()
    configuration.write_text(
        containers.here("kafka", text).replace("/var/lib/kafka/data", f"{home}/data")
    )
    places = {"KAFKA_HOME": str(home), "KAFKA_CONFIGURATION": str(configuration)}
    shell, script = service["entrypoint"]
    child = children.start(
        "kafka",
        [shell, SCRIPTS / "kafka" / Path(script).name],
        log=containers.directory / "kafka.log",
        environment=containers.environment("kafka", service) | places,
    )
    containers.running["kafka"] = child
    return child


def write_shim(path: Path, program: str) -> None:
    """A script of Kafka: the program with the options of the heap."""
    path.write_text(
        f"#!/bin/sh\nexec {jars.java()} $KAFKA_HEAP_OPTS -XX:+UseSerialGC "
        f"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp '{jars.bring()}/*' {program} \"$@\"\n"
    )
    path.chmod(0o755)


def start_postgres(containers: Containers) -> children.Child:
    """initdb, the service's command, and its script of databases, as the official image does it."""
    service = composed.services()["postgres"]
    data = containers.directory / "postgres"
    user = reach.server_user(data)
    programs = postgres.installation() / "bin"
    _let_in(containers, user, programs)
    environment = environment_of(containers)
    _initialise(data, service, environment, user)
    socket = containers.directory / "socket"
    socket.mkdir()
    if user is not None:
        os.chown(socket, *user)
    program, *options = service["command"]
    here = {"port": containers.port("postgres"), "listen_addresses": "127.0.0.1", "fsync": "off"}
    options += [f"-c{name}={value}" for name, value in here.items()]
    child = children.start(
        "postgres",
        [programs / program, "-D", data, f"-cunix_socket_directories={socket}", *options],
        log=containers.directory / "postgres.log",
        environment=environment,
        user=user,
    )
    containers.running["postgres"] = child
    containers.await_healthy("postgres")
    _run_scripts(service, environment, user)
    return child


def run_in_postgres(containers: Containers, *command: str) -> None:
    """`docker compose exec postgres COMMAND`: as the container's user, on its socket."""
    _run_as(
        reach.server_user(containers.directory / "postgres"), environment_of(containers), *command
    )


def _let_in(containers: Containers, user: tuple[int, int] | None, programs: Path) -> None:
    if user is not None:
        reach.make_searchable(user, containers.directory, programs)
        reach.make_readable(postgres.installation())
        package = postgres.installation().parent
        reach.make_readable(package.with_name(f"{package.name}.libs"))


def environment_of(containers: Containers) -> dict[str, str]:
    """What the container of PostgreSQL has, and where its image has its socket and programs."""
    given = containers.environment("postgres", composed.services()["postgres"])
    secrets = containers.directory / "run" / "postgres"
    return given | {
        "PATH": f"{postgres.installation() / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "PGHOST": str(containers.directory / "socket"),
        "PGPORT": str(containers.port("postgres")),
        "SECRETS": str(secrets),
        "LC_ALL": "C",
    }


def _initialise(
    data: Path,
    service: composed.Service,
    environment: dict[str, str],
    user: tuple[int, int] | None,
) -> None:
    data.mkdir(mode=0o700)
    if user is not None:
        os.chown(data, *user)
    _run_as(
        user,
        environment,
        "initdb",
        f"--pgdata={data}",
        f"--username={environment['POSTGRES_USER']}",
        f"--pwfile={environment['POSTGRES_PASSWORD_FILE']}",
        *shlex.split(service["environment"]["POSTGRES_INITDB_ARGS"]),
    )
    with (data / "pg_hba.conf").open("a") as rules:
        rules.write("host all all all scram-sha-256\n")
    _be_the_images_user(data, user)


def _be_the_images_user(data: Path, user: tuple[int, int] | None) -> None:
    """The image's user is called postgres, which `peer` asks for; ours has another name."""
    rules = data / "pg_hba.conf"
    rules.write_text(re.sub(r"(?m)\bpeer$", "peer map=image", rules.read_text()))
    name = pwd.getpwuid(os.geteuid() if user is None else user[0]).pw_name
    with (data / "pg_ident.conf").open("a") as names:
        names.write(f"image {name} postgres\n")


def _run_scripts(
    service: composed.Service, environment: dict[str, str], user: tuple[int, int] | None
) -> None:
    """What is mounted into the directory of scripts, sourced by bash as the image may do it."""
    for volume in service["volumes"]:
        if volume["target"].startswith("/docker-entrypoint-initdb.d/"):
            sourced = f'set -Eeo pipefail; . "{volume["source"]}"; echo after'
            _run_as(user, environment, "bash", "-c", sourced)


def _run_as(user: tuple[int, int] | None, environment: dict[str, str], *command: str) -> None:
    identity = {} if user is None else {"user": user[0], "group": user[1], "extra_groups": []}
    ran = subprocess.run(  # type: ignore[call-overload]
        command,
        env=environment,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        **identity,
    )
    assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
