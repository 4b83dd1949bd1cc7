"""What is wrong with how processes are started: command, port, probes, environment."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import typer

from shared.settings import SERVICES, Settings, from_environment
from tanzhang import serving
from tanzhang.audit import auditor
from tanzhang.cli import app
from tanzhang.stack.plan import DEFAULT_BASE_PORT
from tests.deploy.k8s.objects import Process, environment, of_kind, processes

SETTINGS = {name.upper() for name in Settings.__struct_fields__}
# Variables that asyncpg reads, and that other variables are made of.
KNOWN = {"PGSSLMODE", "AUDIT_DB_PASSWORD"}
PROBES = {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
# Of shared.service_app: open requests, worker, relay, pool, and what is in between.
GRACE_SECONDS_MIN = 60


def commands(objects: list[dict]) -> Iterator[str]:
    """Commands that the command line does not understand."""
    for process in processes(objects):
        try:
            parsed(process.arguments)
        except typer.TyperException as error:
            yield f"{process.name}: {error.format_message()}"
        except LookupError as error:
            yield f"{process.name}: no such command: {error}"


def parsed(arguments: list[str]) -> tuple[str, dict[str, Any]]:
    """The command's name and its options as the real command line reads them."""
    group: Any = typer.main.get_command(app)
    name, *rest = arguments
    with group.commands[name].make_context(name, rest) as context:
        return name, dict(context.params)


def port_of(arguments: list[str]) -> int | None:
    """The port that the command listens on; None when it ends by itself."""
    name, options = parsed(arguments)
    if options.get("port") is not None:
        return int(options["port"])
    if name == "run":
        return DEFAULT_BASE_PORT + 1 + SERVICES.index(options["service"])
    return None


def ports(objects: list[dict]) -> Iterator[str]:
    """Containers whose port `http` is not the one that their command listens on."""
    for process in processes(objects):
        expected = {"http": port} if (port := port_of(process.arguments)) else {}
        if process.ports != expected:
            yield f"{process.name}: ports {process.ports}, its command has {expected}"


def probes(objects: list[dict]) -> Iterator[str]:
    """Servers whose probes are not those of the code, or that are killed before they have ended."""
    for process in processes(objects):
        if process.kind != "Deployment":
            continue
        for kind, path in PROBES.items():
            asked = process.container.get(kind, {}).get("httpGet")
            if asked != {"path": path, "port": "http"}:
                yield f"{process.name}: {kind} asks {asked}, not {path} at http"
        waited = process.container["lifecycle"]["preStop"]["sleep"]["seconds"]
        grace = process.spec["terminationGracePeriodSeconds"]
        if grace - waited < GRACE_SECONDS_MIN:
            yield f"{process.name}: {grace} s of grace, {waited} of them asleep"


def variables(objects: list[dict]) -> Iterator[str]:
    """Variables that nothing reads, and settings that the code refuses."""
    for process in processes(objects):
        given = environment(objects, process)
        for name in given:
            if name.removesuffix("_FILE") not in SETTINGS and name not in KNOWN:
                yield f"{process.name}: nobody reads {name}"
        try:
            _start(process, from_environment(given))
        except ValueError as error:
            yield f"{process.name}: {error}"


def _start(process: Process, settings: Settings) -> None:
    """As far as it goes without a network: SettingsError when something is missing."""
    name, options = parsed(process.arguments)
    if name == "run":
        serving._app(options["service"], options["role"], settings)
        return
    if name == "audit":
        auditor.create(settings, _never, options["every"])
    for service in (options["service"],) if name == "rebuild" else SERVICES[1:]:
        settings.database(service)


async def _never() -> Any:
    raise NotImplementedError("nothing is looked at here")


def addresses(objects: list[dict]) -> Iterator[str]:
    """Addresses in the settings that no object answers at."""
    services = {
        (found["metadata"]["name"], port["port"])
        for found in of_kind(objects, "Service")
        for port in found["spec"]["ports"]
    }
    brokers = {
        (f"{found['metadata']['name']}-kafka-bootstrap", listener["port"])
        for found in of_kind(objects, "Kafka")
        for listener in found["spec"]["kafka"]["listeners"]
    }
    for process in processes(objects):
        given = environment(objects, process)
        for name, value in given.items():
            if re.fullmatch("TANZHANG_[A-Z]+_URL", name):
                url = urlsplit(value)
                if (url.hostname, url.port) not in services:
                    yield f"{process.name}: {name}={value} is no Service"
                elif url.hostname != f"{name.split('_')[1].lower()}-api":
                    yield f"{process.name}: {name}={value} is another service"
        if _host_and_port(given) not in brokers:
            yield f"{process.name}: Kafka at {given['KAFKA_BOOTSTRAP_SERVERS']} is no listener"


def _host_and_port(given: Mapping[str, str]) -> tuple[str, int]:
    host, _, port = given["KAFKA_BOOTSTRAP_SERVERS"].partition(":")
    return host, int(port)


def inventory(objects: list[dict]) -> Iterator[str]:
    """Processes that are missing, or too many, by what the code can run."""
    expected = {"ingest-api", "audit", "migrate", "grading-webhooks", "points-webhooks"}
    expected |= {f"{service}-{role}" for service in SERVICES[1:] for role in ("api", "worker")}
    found = {process.name for process in processes(objects)}
    yield from (f"{name} is missing" for name in sorted(expected - found))
    yield from (f"{name} is not expected" for name in sorted(found - expected))
    for process in processes(objects):
        name, options = parsed(process.arguments)
        told = (options["service"], options["role"]) if name == "run" else (name, name)
        if tuple(map(str, told)) != (process.service, process.component):
            yield f"{process.name}: runs {' '.join(process.arguments)}"
