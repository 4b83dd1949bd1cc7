"""The image without Docker: the steps of the Dockerfile, run in directories of this machine.

Base images are the machine's own Python; everything else is what the file says.
"""

import fcntl
import fnmatch
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCKERFILE = ROOT / "Dockerfile"
CACHE = ROOT / ".cache" / "image"
LOCK = ROOT / "requirements-services.lock"
STEP_SECONDS_MAX = 300

Instruction = tuple[str, str]


@dataclass(slots=True, frozen=True)
class Image:
    """What the final stage says, and where on this machine its files are."""

    place: Path
    environment: dict[str, str]
    entrypoint: list[str]
    user: tuple[int, int]
    health: list[str]

    def command(self, parts: list[str]) -> list[str]:
        """A command of a container, its program looked up as the container would."""
        program = shutil.which(parts[0], path=self.environment["PATH"])
        assert program is not None, f"the image has no {parts[0]}"
        return [program, *parts[1:]]


def stages() -> list[list[Instruction]]:
    """The instructions of each stage, FROM first; ARGs before the first are left out."""
    found: list[list[Instruction]] = []
    for name, rest in _instructions(DOCKERFILE.read_text()):
        if name == "FROM":
            found.append([])
        if found:
            found[-1].append((name, rest))
    return found


def _instructions(text: str) -> Iterator[Instruction]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for whole in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, rest = whole.strip().partition(" ")
        if name:
            yield name, rest.strip()


def allowed_by_dockerignore(name: str) -> bool:
    """Whether .dockerignore lets a top-level file or directory into the build."""
    allowed = True
    for pattern in (ROOT / ".dockerignore").read_text().splitlines():
        if pattern.startswith("!") and fnmatch.fnmatch(name, pattern[1:]):
            allowed = True
        elif fnmatch.fnmatch(name, pattern):
            allowed = False
    return allowed


def build(directory: Path) -> Image:
    """Make the image's files below `directory`; the requirements are kept in .cache."""
    builder, final = stages()
    first, *others = [n for n, (name, _) in enumerate(builder) if name == "RUN"]
    assert others, "the requirements and the project are installed apart, so that one is kept"
    kept = _kept(builder[: first + 1])
    for part in ("build", "opt"):
        shutil.copytree(kept / part, directory / part, symlinks=True)
    _rebase(directory)
    for name, rest in builder[first + 1 :]:
        _step(name, rest, directory)
    return _described(final, directory / "opt")


def _rebase(directory: Path) -> None:
    """Let the environment in `directory` stand on an interpreter that every user reaches."""
    interpreter = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]
    if not _is_reachable(interpreter):
        interpreter = _copied(interpreter, directory / "python")
    python = directory / "opt" / "bin" / "python"
    python.unlink()
    python.symlink_to(interpreter)
    said = directory / "opt" / "pyvenv.cfg"
    said.write_text(re.sub(r"(?m)^home = .*$", f"home = {interpreter.parent}", said.read_text()))


def _is_reachable(path: Path) -> bool:
    return all(above.stat().st_mode & 0o001 for above in (path, *path.parents))


def _copied(interpreter: Path, to: Path) -> Path:
    """A copy of the interpreter and its library, without what was installed into it."""
    library = Path(os.__file__).parent
    unwanted = shutil.ignore_patterns("site-packages", "test", "config-*")
    shutil.copytree(library, to / "lib" / library.name, ignore=unwanted, symlinks=True)
    for shared in Path(sys.base_prefix, "lib").glob("libpython*.so*"):
        shutil.copy(shared, to / "lib")
    (to / "bin").mkdir()
    copy = shutil.copy(interpreter, to / "bin" / interpreter.name)
    return Path(copy)


def _kept(instructions: list[Instruction]) -> Path:
    said = repr((instructions, sys.version)).encode() + LOCK.read_bytes()
    kept = CACHE / hashlib.sha256(said).hexdigest()[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (kept / "whole").exists():
            shutil.rmtree(kept, ignore_errors=True)
            (kept / "build").mkdir(parents=True)
            for name, rest in instructions:
                _step(name, rest, kept)
            (kept / "whole").touch()
    return kept


def _step(name: str, rest: str, directory: Path) -> None:
    if name == "COPY":
        *sources, _ = rest.split()
        for source in sources:
            _copy(source, directory / "build")
    elif name == "RUN":
        _run(rest, directory)
    else:
        assert name in {"FROM", "ENV", "WORKDIR"}, f"the builder has a new instruction {name}"


def _copy(source: str, to: Path) -> None:
    assert allowed_by_dockerignore(source), f".dockerignore keeps {source} out of the build"
    if (ROOT / source).is_dir():
        unwanted = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / source, to / source, ignore=unwanted, dirs_exist_ok=True)
    else:
        shutil.copy(ROOT / source, to)


def _run(command: str, directory: Path) -> None:
    """A RUN of the builder: /build and /opt/tanzhang are below `directory`."""
    programs = directory / "programs"
    programs.mkdir(exist_ok=True)
    python = programs / "python"
    python.unlink(missing_ok=True)
    python.symlink_to(getattr(sys, "_base_executable", sys.executable))
    here = re.sub(r"(?<!\S)/build/", f"{directory}/build/", command)
    here = here.replace("/opt/tanzhang", str(directory / "opt"))
    ran = subprocess.run(
        ["sh", "-c", here],
        cwd=directory / "build",
        env=_without_python(os.environ) | {"PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=STEP_SECONDS_MAX,
    )
    assert ran.returncode == 0, f"{command}\n{ran.stdout[-2000:]}\n{ran.stderr[-4000:]}"


def _without_python(environment: "os._Environ[str]") -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith("PYTHON")}


def _described(final: list[Instruction], place: Path) -> Image:
    said = dict(final)
    pairs = (shlex.split(rest) for name, rest in final if name == "ENV")
    environment = dict(pair.split("=", 1) for pair in (part for all in pairs for part in all))
    for name, value in environment.items():
        here = value.replace("/opt/tanzhang", str(place))
        environment[name] = here.replace("$PATH", "/usr/local/bin:/usr/bin:/bin")
    uid, gid = said["USER"].split(":")
    # Of a copied interpreter; where it is not, there is no such directory.
    environment["LD_LIBRARY_PATH"] = str(place.with_name("python") / "lib")
    return Image(
        place=place,
        environment=environment,
        entrypoint=json.loads(said["ENTRYPOINT"]),
        user=(int(uid), int(gid)),
        health=json.loads(said["HEALTHCHECK"].partition("CMD")[2]),
    )
