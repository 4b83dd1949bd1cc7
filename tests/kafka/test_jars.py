"""Whoever lacks Java or Maven is told so, and what to install."""

from pathlib import Path

import pytest

from tests.kafka import jars
from tests.kafka.jars import KafkaMissing


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(jars, "CACHE", tmp_path / "cache")


def program(at: Path, script: str) -> None:
    at.write_text(f"#!/bin/sh\n{script}\n")
    at.chmod(0o755)


def test_without_java_or_maven() -> None:
    with pytest.raises(KafkaMissing, match=r"`java` was not found.*openjdk-17-jre-headless maven"):
        jars.java()
    with pytest.raises(KafkaMissing, match=r"`mvn`.*was not found.*openjdk-17-jre-headless maven"):
        jars.bring()
    assert list(jars.CACHE.iterdir()) == []


def test_java_that_is_too_old(tmp_path: Path) -> None:
    program(tmp_path / "java", """echo 'openjdk version "11.0.30" 2026-01-20' >&2""")
    with pytest.raises(KafkaMissing, match=r"11\.0\.30.*needs Java 17"):
        jars.java()


def test_maven_that_fails(tmp_path: Path) -> None:
    program(tmp_path / "mvn", "echo 'Unknown host'; exit 1")
    with pytest.raises(KafkaMissing, match="Unknown host"):
        jars.bring()
    assert list(jars.CACHE.iterdir()) == []
