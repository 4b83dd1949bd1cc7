"""Prometheus as Debian packages it: found on PATH, or brought into .cache without being root."""

import fcntl
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import yaml

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy" / "prometheus"
CACHE = ROOT / ".cache"
PACKAGE = "prometheus"
SECONDS_MAX = 60


class Programs(NamedTuple):
    """Where they are."""

    prometheus: str
    promtool: str


class NotToBeHad(AssertionError):
    """There is no Prometheus here and none can be brought."""


def programs() -> Programs:
    """Those on PATH, else Debian's, downloaded once."""
    found = [shutil.which(name) for name in Programs._fields]
    if all(found):
        return Programs(*map(str, found))
    kept = CACHE / PACKAGE
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{PACKAGE}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            _bring(kept)
    return Programs(*(str(kept / "usr" / "bin" / name) for name in Programs._fields))


def promtool(*arguments: str, folder: Path = FOLDER) -> str:
    """What it says in a folder; it must succeed."""
    done = subprocess.run(
        [programs().promtool, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def _bring(kept: Path) -> None:
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=PACKAGE) as folder:
        place = Path(folder)
        # The lists that the machine has; else some of our own, which takes no root either.
        own = (f"-oDir::State::lists={place / 'lists'}", f"-oDir::Cache={place / 'cache'}")
        (place / "lists").mkdir()
        (place / "cache").mkdir()
        said = _run(place, "apt-get", "download", PACKAGE)
        if said is not None:
            said = _run(place, "apt-get", *own, "update") or _run(
                place, "apt-get", *own, "download", PACKAGE
            )
        packages = list(place.glob("*.deb"))
        if said is not None or not packages:
            raise NotToBeHad(
                "these tests need Prometheus: put prometheus and promtool on PATH, or let "
                f"`apt-get download {PACKAGE}` work here; it said: {said}"
            )
        said = _run(place, "dpkg", "-x", str(packages[0]), str(place / "unpacked"))
        if said is not None:
            raise NotToBeHad(f"the package of Prometheus cannot be unpacked: {said}")
        (place / "unpacked").rename(kept)


def _run(place: Path, *command: str) -> str | None:
    """None when it went well, else what it said."""
    try:
        done = subprocess.run(
            command, cwd=place, capture_output=True, text=True, check=False, timeout=SECONDS_MAX
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if done.returncode == 0 else (done.stderr or done.stdout).strip()


class Server(NamedTuple):
    """A running Prometheus."""

    url: str

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The vector of an instant query; the error is told with the query."""
        answer = httpx.post(
            f"{self.url}/api/v1/query", data={"query": expr}, timeout=60, trust_env=False
        )
        assert answer.status_code == 200, f"{expr}: {answer.text}"
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def get(self, path: str) -> dict[str, Any]:
        answer = httpx.get(f"{self.url}{path}", timeout=60, trust_env=False)
        data: dict[str, Any] = answer.json()["data"]
        return data

    def wait_for(self, expr: str, seconds: float = SECONDS_MAX) -> None:
        """Until a query gives something."""
        deadline = time.monotonic() + seconds
        while not self.query(expr):
            assert time.monotonic() < deadline, f"nothing after {seconds:.0f} s: {expr}"
            time.sleep(0.2)


def configuration(addresses: Mapping[str, str]) -> str:
    """The project's own, with these addresses in the place of its targets; a scrape a second."""
    whole = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    whole["global"] |= {
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "evaluation_interval": "1s",
    }
    whole["rule_files"] = [str(FOLDER / name) for name in whole["rule_files"]]
    for job in whole["scrape_configs"]:
        for group in job["static_configs"]:
            group["targets"] = [addresses[target] for target in group["targets"]]
    return yaml.safe_dump(whole)


@contextmanager
def running(folder: Path, addresses: Mapping[str, str], port: int) -> Iterator[Server]:
    """Prometheus with the project's configuration, until the block ends."""
    (folder / "prometheus.yml").write_text(configuration(addresses))
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            [
                programs().prometheus,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'series'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=warn",
            ],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        server = Server(f"http://127.0.0.1:{port}")
        _await_ready(server, process, folder / "prometheus.log")
        yield server
    finally:
        process.terminate()
        process.wait(SECONDS_MAX)


def _await_ready(server: Server, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        try:
            if httpx.get(f"{server.url}/-/ready", timeout=60, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
