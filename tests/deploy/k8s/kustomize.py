"""kustomize: of `kubectl` or alone from PATH, else built by Go once and kept in .cache/kustomize."""

import os
import pickle
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import yaml

VERSION = "v5.5.0"
MODULE = f"sigs.k8s.io/kustomize/kustomize/v5@{VERSION}"
ROOT = Path(__file__).parents[3]
CACHE = ROOT / ".cache" / "kustomize" / VERSION
GO_SECONDS_MAX = 600
BUILD_SECONDS_MAX = 60

Object = dict


class KustomizeMissing(RuntimeError):
    """No kustomize can be had here; the message says what to install."""


def command() -> Sequence[str]:
    """The command that builds a directory; raises KustomizeMissing."""
    if found := shutil.which("kubectl"):
        return (found, "kustomize")
    if found := shutil.which("kustomize"):
        return (found, "build")
    return (str(_built_by_go()), "build")


def objects_of(overlay: str) -> list[Object]:
    """What an overlay makes of the committed files, with examples in place of local secrets.

    Everyone has a copy.
    """
    objects: list[Object] = pickle.loads(_pickled(overlay))
    return objects


@cache
def _pickled(overlay: str) -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        tree = Path(directory, "deploy")
        copy_tree(tree)
        here = tree / "k8s" / "overlays" / overlay
        for example in here.glob("*.example"):
            shutil.copy(example, example.with_suffix(""))
        return pickle.dumps(list(yaml.load_all(build(here), yaml.CSafeLoader)))


def copy_tree(target: Path) -> None:
    """deploy/ without what git ignores."""
    ignored = shutil.ignore_patterns("secrets", "keys.env", "audit-db.env", "__pycache__")
    shutil.copytree(ROOT / "deploy", target, ignore=ignored)


def build(directory: Path) -> str:
    """The objects of a kustomization as YAML; RuntimeError with what kustomize says."""
    done = subprocess.run(
        [*command(), str(directory)],
        capture_output=True,
        text=True,
        check=False,
        timeout=BUILD_SECONDS_MAX,
    )
    if done.returncode != 0 or done.stderr:  # a warning is a mistake of ours too
        raise RuntimeError(f"kustomize, {directory.name}: {done.stderr}")
    return done.stdout


def _built_by_go() -> Path:
    made = CACHE / "kustomize"
    if made.exists():
        return made
    go = shutil.which("go")
    if go is None:
        raise KustomizeMissing(
            "neither `kubectl` nor `kustomize` was found, nor `go` to build one: install kubectl "
            "1.31 or later, or kustomize 5.5 or later"
        )
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE.parent) as new:
        done = subprocess.run(
            [go, "install", MODULE],
            env={**os.environ, "GOBIN": new},
            capture_output=True,
            text=True,
            check=False,
            timeout=GO_SECONDS_MAX,
        )
        if done.returncode != 0:
            raise KustomizeMissing(f"Go could not build {MODULE}:\n{done.stderr[-2000:]}")
        Path(new, "kustomize").replace(made)
    return made
