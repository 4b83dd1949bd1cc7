"""Commands as they are written: split into words, and compared with what there is to be had."""

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import typer
import yaml
from typer.core import TyperGroup
from typer.exceptions import TyperException

from tanzhang.cli import app
from tests.deploy.docs.pages import ROOT

_TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)
OPERATORS = set("();<>|&")
# Words before a command, and assignments.
IGNORED = re.compile(r"(do|export|[A-Z_]+=.*)$")
# Commands of others, whose words are theirs.
OTHERS = {
    "cp",
    "mv",
    "openssl",
    "psql",
    "kind",
    "git",
    "for",
    "do",
    "done",
    "pytest",
    "curl",
    "echo",
    "cat",
}


def commands(text: str) -> Iterator[list[str]]:
    """The words of each simple command of a block; those within $(...) are commands too."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if not set(word) <= OPERATORS:
                words.append(word)
            elif command := [w for w in words if not IGNORED.match(w)]:
                yield command
            if set(word) <= OPERATORS:
                # What follows > and < is a file.
                words = ["cat"] if word[0] in "<>" else []


def fault(words: list[str]) -> str | None:
    """What is wrong with a command, or None."""
    known = {
        "make": _make,
        "docker": _docker,
        "kubectl": _kubectl,
        "sh": _sh,
        "tanzhang": _tanzhang,
    }
    name, *rest = words
    if name in known:
        return known[name](rest)
    if name == "python":
        return None if Path(ROOT, *rest[1].split(".")).exists() else f"no module {rest[1]}"
    return None if name in OTHERS else f"{name}: a command nobody looks at"


def _make(words: list[str]) -> str | None:
    known = set(_TARGET.findall((ROOT / "Makefile").read_text()))
    wrong = [word for word in words if "=" not in word and word not in known]
    return f"make has no {wrong[0]}" if wrong else None


def _sh(words: list[str]) -> str | None:
    return None if (ROOT / words[0]).is_file() else f"there is no {words[0]}"


def _tanzhang(words: list[str]) -> str | None:
    """Options and arguments, by the command line's own parser; nothing is done."""
    command: Any = typer.main.get_command(app)
    parent = None
    if "--help" in words:
        words = [word for word in words if not word.startswith("-")]
    try:
        while isinstance(command, TyperGroup):
            parent = command.make_context(command.name, list(words), parent=parent)
            _, command, words = command.resolve_command(
                parent, [*parent._protected_args, *parent.args]
            )
        command.make_context(command.name, list(words), parent=parent)
    except TyperException as error:
        # Files are the reader's own; options have been looked at before them.
        return None if "does not exist" in str(error) else str(error)
    return None


def _docker(words: list[str]) -> str | None:
    if words[0] != "compose":
        return None
    verb, *rest = words[1:]
    names = [word for word in rest if not word.startswith("-")]
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    if verb in ("run", "exec"):
        wrong = names[:1]
    elif verb in ("up", "stop", "start", "restart", "logs", "pull", "ps"):
        wrong = names
    else:
        return None if verb in ("down", "build") else f"docker compose {verb}: nobody looks at it"
    unknown = [name for name in wrong if name not in services]
    if unknown:
        return f"docker-compose.yml has no service {unknown[0]}"
    return _run(services[names[0]], rest[rest.index(names[0]) + 1 :]) if verb == "run" else None


def _run(service: dict[str, Any], words: list[str]) -> str | None:
    """What a container of ours is told: a command of ours, or a script."""
    match [*service.get("entrypoint", ["tanzhang"]), *words]:
        case ["tanzhang", *told] if words:
            return _tanzhang(told)
        case ["sh", "-euc", script]:
            return next(filter(None, map(fault, commands(script))), None)
    return None


def _kubectl(words: list[str]) -> str | None:
    if "--" in words:
        return fault(words[words.index("--") + 1 :])
    for option, path in pairwise(words):
        if option == "-k" and not (ROOT / path / "kustomization.yaml").is_file():
            return f"{path} has no kustomization.yaml"
    manifests = "".join(p.read_text() for p in (ROOT / "deploy/k8s").rglob("*.yaml"))
    for word in words:
        kind, slash, name = word.partition("/")
        if (
            slash
            and kind in ("job", "deployment", "service")
            and f"name: {name}\n" not in manifests
        ):
            return f"deploy/k8s has no {word}"
    return None
