"""No test is left out: each runs in one of the targets that CI calls."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TARGETS = ("test", "test-kafka", "test-deploy", "test-faults")
# What the make above us would tell the one below.
OF_MAKE = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")


@pytest.mark.slow
def test_every_test_runs_in_a_target_of_ci() -> None:
    called = (ROOT / ".ci/run").read_text()
    assert [target for target in TARGETS if f"step make {target}" not in called] == []
    run = set().union(*(_collected(*_of_target(target)) for target in TARGETS))
    assert sorted(_collected([], {}) - run) == []


def _of_target(target: str) -> tuple[list[str], dict[str, str]]:
    """The arguments that make gives to pytest, and what they need in the environment."""
    recipe = _said(["make", "-n", target]).replace("\\\n", " ")
    line = next(line for line in recipe.splitlines() if " -m " in line)
    words = shlex.split(line)
    at = words.index("-m")
    kafka = {"TANZHANG_TEST_KAFKA": "nowhere"} if words[at + 1] == "tests.kafka" else {}
    return words[at + 2 :], kafka


def _collected(arguments: list[str], environment: dict[str, str]) -> set[str]:
    command = [sys.executable, "-m", "pytest", *arguments, "--collect-only", "-q"]
    said = _said([*command, "-p", "no:cacheprovider"], environment)
    return {line for line in said.splitlines() if "::" in line}


def _said(command: list[str], environment: dict[str, str] | None = None) -> str:
    inherited = {name: value for name, value in os.environ.items() if name not in OF_MAKE}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=inherited | (environment or {}),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
