"""docker-compose.yml as Docker Compose reads it: by the specification's own loader, in Go."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
FILE = ROOT / "docker-compose.yml"
LOADER = Path(__file__).with_name("loader")
CACHE = ROOT / ".cache" / "compose-loader"
BUILD_SECONDS_MAX = 300

Service = dict[str, Any]


class LoaderMissing(RuntimeError):
    """The loader cannot be built here; the message says what to install."""


class Refused(Exception):
    """The file is not one that Docker Compose takes; the message is the loader's."""


def load(file: Path = FILE, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The project, variables filled in from `environment` alone; Refused with the reason."""
    ran = subprocess.run(
        [_loader(), str(file)],
        capture_output=True,
        text=True,
        check=False,
        env=dict(environment or {}),
        cwd=file.parent,
    )
    if ran.returncode != 0:
        raise Refused(ran.stderr.strip())
    project: dict[str, Any] = json.loads(ran.stdout)
    return project


@cache
def project() -> dict[str, Any]:
    """The committed file, as somebody gets it who has set nothing."""
    return load()


def services(*, tools: bool = False) -> dict[str, Service]:
    """What `docker compose up` starts, or with `tools` the commands beside it."""
    every: dict[str, Service] = project()["services"]
    return {name: one for name, one in every.items() if ("profiles" in one) == tools}


def ours() -> dict[str, Service]:
    """The started services that run our image."""
    image = project()["services"]["setup"]["image"]
    return {name: one for name, one in services().items() if one["image"] == image}


def secrets_of(service: Service) -> set[str]:
    return {secret["source"] for secret in service.get("secrets", ())}


def secret_files() -> Iterator[tuple[str, Path]]:
    """Each declared secret and its file."""
    for name, secret in project()["secrets"].items():
        yield name, Path(secret["file"])


def _loader() -> Path:
    """The loader's program, built once for these sources."""
    sources = sorted(LOADER.iterdir())
    digest = hashlib.sha256(b"\0".join(one.read_bytes() for one in sources)).hexdigest()[:16]
    program = CACHE / digest
    if not program.exists():
        _build(program)
    return program


def _build(program: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise LoaderMissing("`go` was not found: Go 1.24 or later builds Compose's own loader")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="new-") as new:
        made = Path(new) / "loader"
        ran = subprocess.run(
            [go, "build", "-mod=readonly", "-o", str(made), "."],
            cwd=LOADER,
            capture_output=True,
            text=True,
            check=False,
            timeout=BUILD_SECONDS_MAX,
            env=os.environ | {"CGO_ENABLED": "0"},
        )
        if ran.returncode != 0:
            raise LoaderMissing(f"Compose's loader could not be built:\n{ran.stderr[-4000:]}")
        made.replace(program)
