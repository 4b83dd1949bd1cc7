"""The services of docker-compose.yml as processes: the real commands with their environment.

What a container engine does is done here by hand, as the file says it: only the secrets that a
service declares are there for it, dependencies are waited for by their conditions, health is
what the health check says. Names and ports of the file become free ports of 127.0.0.1.
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tanzhang.stack import children, postgres
from tanzhang.stack.ports import free_port
from tests.deploy.compose import composed
from tests.deploy.compose.image import Image

HEALTHY_SECONDS = 120
# Ports of the file by the service that listens there.
PORTS = {
    "kafka": (9092, 9093, 9094),
    "postgres": (5432,),
    "ingest": (8101,),
    "industrial": (8102,),
    "agri": (8103,),
    "personal": (8104,),
    "grading": (8105,),
    "points": (8106,),
    "grading-webhooks": (8105,),
    "points-webhooks": (8106,),
    "auditor": (8107,),
}


@dataclass(slots=True)
class Containers:
    """Running services of the file; `secrets` is the directory that `tanzhang secrets` filled."""

    directory: Path
    image: Image
    secrets: Path
    ports: dict[tuple[str, str], int] = field(default_factory=dict)
    running: dict[str, children.Child] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, ports in PORTS.items():
            for port in ports:
                self.ports[name, str(port)] = free_port()

    def here(self, name: str, text: str) -> str:
        """What is said to a service, with names and ports of this machine."""

        def address(found: re.Match[str]) -> str:
            port = self.ports.get((found[1], found[2]))
            return found[0] if port is None else f"127.0.0.1:{port}"

        def own(found: re.Match[str]) -> str:
            return str(self.ports.get((name, found[0]), found[0]))

        text = re.sub(r"\b([a-z-]+):(\d+)\b", address, text)
        return re.sub(r"\b\d+\b", own, text).replace("0.0.0.0", "127.0.0.1")

    def port(self, name: str) -> int:
        """Where a service listens here; of several ports the one for others."""
        return self.ports[name, str(PORTS[name][0])]

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port(name)}"

    def mounted(self, name: str, service: composed.Service) -> Path:
        """/run/secrets of a service: what it declares, with the modes it has on the host."""
        run = self.directory / "run" / name
        shutil.rmtree(run, ignore_errors=True)
        run.mkdir(parents=True)
        for one in service.get("secrets", ()):
            file = self.secrets / one["source"]
            copy = run / Path(one["target"]).name
            text = file.read_text()
            copy.write_text(self.here(name, text) if file.name.endswith("-url") else text)
            copy.chmod(file.stat().st_mode & 0o777)
        return run

    def environment(self, name: str, service: composed.Service) -> dict[str, str]:
        """What the process sees: the image's variables and the service's, nothing of ours."""
        secrets = str(self.mounted(name, service))
        said = {k: v or "" for k, v in (service.get("environment") or {}).items()}
        here = {k: self.here(name, v.replace("/run/secrets", secrets)) for k, v in said.items()}
        return self.image.environment | {"TANZHANG_HOST": "127.0.0.1"} | here

    def command(self, name: str, service: composed.Service) -> list[str]:
        """Entrypoint and command, with the port that the service has here."""
        entrypoint = service["entrypoint"] or self.image.entrypoint
        secrets = str(self.directory / "run" / name)
        given = [*entrypoint, *(service["command"] or [])]
        parts = [self.here(name, part).replace("/run/secrets", secrets) for part in given]
        parts += ["--port", str(self.port(name))] if "run" in parts else []
        return self.image.command(parts)

    def start(self, name: str) -> children.Child:
        """Start a service of our image, its dependencies being as it wants them."""
        service = composed.services()[name]
        child = children.start(
            name,
            self.command(name, service),
            log=self.directory / f"{name}.log",
            environment=self.environment(name, service),
            user=self.user(),
        )
        self.running[name] = child
        return child

    def user(self) -> tuple[int, int] | None:
        """The image's user, where we may become somebody else."""
        return self.image.user if os.geteuid() == 0 else None

    def is_healthy(self, name: str) -> bool:
        """What the service's own health check says now."""
        kind, *command = composed.services()[name]["healthcheck"]["test"]
        assert kind == "CMD", "a health check without a shell is one that is run as it stands"
        environment = dict(self.image.environment)
        environment["PATH"] += f":{postgres.installation() / 'bin'}"
        ran = subprocess.run(
            [self.here(name, part) for part in command],
            env=environment,
            capture_output=True,
            check=False,
            timeout=60,
        )
        return ran.returncode == 0

    def await_healthy(self, name: str) -> None:
        """Wait for it; StackError with the end of its log when it ends or takes too long."""
        children.await_true(
            lambda: self.is_healthy(name), self.running[name], HEALTHY_SECONDS, "became healthy"
        )

    def run(self, name: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """`docker compose run --rm NAME ARGUMENTS` of one of the tools."""
        service = composed.services(tools=True)[name]
        environment = self.environment(name, service)
        mounts = {volume["target"]: str(self.secrets) for volume in service.get("volumes", ())}
        command = [mounts.get(part, part) for part in self.command(name, service)]
        return subprocess.run(
            [*command, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def stop(self) -> None:
        for child in reversed(self.running.values()):
            child.stop([])


def order(services: Mapping[str, composed.Service]) -> Iterator[str]:
    """Names so that each comes after what it depends on; ValueError for a circle."""
    waiting = {name: set(one.get("depends_on", ())) for name, one in services.items()}
    while waiting:
        able = sorted(name for name, needs in waiting.items() if not needs & set(waiting))
        if not able:
            raise ValueError(f"these depend on each other: {', '.join(sorted(waiting))}")
        for name in able:
            del waiting[name]
            yield name


def await_end(child: children.Child, seconds: float) -> int:
    """The exit code of a service that ends by itself."""
    deadline = time.monotonic() + seconds
    while child.exit_code() is None:
        assert time.monotonic() < deadline, f"{child.name} did not end within {seconds} s"
        time.sleep(0.05)
    code = child.exit_code()
    assert code is not None
    return code
