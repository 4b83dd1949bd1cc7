"""Apache Kafka's jars: brought by Maven once, kept in .cache/kafka/<hash of pom.xml>."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

POM = Path(__file__).with_name("pom.xml")
CACHE = Path(__file__).parents[2] / ".cache" / "kafka"
JAVA_VERSION_MIN = 17
MAVEN_SECONDS_MAX = 300


class KafkaMissing(RuntimeError):
    """Apache Kafka cannot run here; the message says what to install."""


def java() -> str:
    """The `java` of JAVA_HOME or PATH; raises KafkaMissing unless it is new enough."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin" if home else None)
    if found is None:
        raise KafkaMissing(_advice("`java` was not found"))
    said = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < JAVA_VERSION_MIN:
        raise KafkaMissing(_advice(f"{found} is {said.strip() or 'of no known version'}"))
    return found


def bring() -> Path:
    """The directory of the jars, filled by Maven when it is missing.

    It appears whole or not at all, also when several processes bring it at once.
    """
    jars = CACHE / hashlib.sha256(POM.read_bytes()).hexdigest()[:16]
    if jars.is_dir():
        return jars
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="new-") as new:
        _copy_dependencies(Path(new) / "jars")
        try:
            (Path(new) / "jars").rename(jars)
        except OSError:
            if not jars.is_dir():  # nobody else was faster
                raise
    return jars


def _copy_dependencies(to: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaMissing(_advice("`mvn` (Maven) was not found"))
    command = [
        *(maven, "--quiet", "--batch-mode", "--strict-checksums", "--file", str(POM)),
        *("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={to}"),
    ]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=MAVEN_SECONDS_MAX,
        )
    except subprocess.TimeoutExpired:
        raise KafkaMissing(f"Maven was not done within {MAVEN_SECONDS_MAX} s") from None
    if done.returncode != 0:
        raise KafkaMissing(f"Maven could not bring Apache Kafka:\n{done.stdout[-4000:]}")


def _advice(problem: str) -> str:
    return (
        f"{problem}. Apache Kafka 4 needs Java {JAVA_VERSION_MIN} or later, and Maven to bring "
        "its jars; on Debian and Ubuntu: apt install openjdk-17-jre-headless maven"
    )
