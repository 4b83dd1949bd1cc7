"""A primary that goes and comes back as the standby of the one that took its place."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from shared.database.migrations import NotMigrated, migrate
from tanzhang.stack import children, postgres, reach
from tanzhang.stack.ports import free_port
from tests.integration.audit.conftest import payment
from tests.integration.operating.conftest import assert_clean
from tests.integration.operating.stage import Stage

DATABASE = "city"
POSTED = "select count(*) from personal.ledger_entry where content_hash is not null"


@dataclass
class Pair:
    """Two servers, the second a standby of the first; `url` names both, the first one first."""

    primary: postgres.Postgres
    directory: Path
    ports: tuple[int, int] = field(init=False)
    running: dict[int, children.Child] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ports = (self.primary.port, free_port())

    def url(self, *ports: int) -> str:
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports or self.ports)
        return f"postgresql://{postgres.SUPERUSER}:{self.primary.password}@{hosts}/{DATABASE}"

    def copy(self) -> None:
        """The second server's data, as of now, and the server."""
        data = self.directory / "second"
        source = self.url(self.ports[0]).replace(f"/{DATABASE}", "/postgres")
        tool = str(postgres.installation() / "bin" / "pg_basebackup")
        command = [tool, "--checkpoint=fast", f"--pgdata={data}", f"--dbname={source}"]
        subprocess.run(command, check=True, capture_output=True)
        user = reach.server_user(data)
        for path in (data, *data.rglob("*")):
            if user is not None:
                os.chown(path, *user)
        self.follow(data, self.ports[1], self.ports[0])

    def follow(self, data: Path, port: int, primary: int) -> None:
        """Start on this data as the standby of the other."""
        user = reach.server_user(data)
        (data / "standby.signal").touch()
        (data / "postmaster.pid").unlink(missing_ok=True)
        info = (
            f"host=127.0.0.1 port={primary} user={postgres.SUPERUSER} "
            f"password={self.primary.password}"
        )
        # A standby needs what its primary has.
        settings = {**postgres.SETTINGS, **postgres.FOR_TESTS}
        settings |= {"port": str(port), "primary_conninfo": info}
        options = [o for name, value in settings.items() for o in ("-c", f"{name}={value}")]
        self.running[port] = children.start(
            "standby", [postgres.installation() / "bin/postgres", "-D", data, *options],
            log=self.directory / f"{port}.log", environment={"LC_ALL": "C", "TZ": "UTC"},
            user=user, at_parents_death=signal.SIGINT,
        )  # fmt: skip

    async def answers(self, port: int) -> bool:
        try:
            connection = await asyncpg.connect(self.url(port))
        except (OSError, asyncpg.PostgresError):
            return False
        await connection.close()
        return True

    async def promote(self) -> None:
        """The second takes the place of the first, which is gone."""
        connection = await asyncpg.connect(self.url(self.ports[1]))
        assert await connection.fetchval("select pg_promote()")
        await connection.close()

    def stop(self) -> None:
        for child in self.running.values():
            child.stop([(signal.SIGINT, 20), (signal.SIGQUIT, 5)])


@pytest.fixture
def pair(stack_directory: Path) -> Iterator[Pair]:
    directory = stack_directory / "pair"
    first = postgres.start(
        directory / "first", log=directory / "first.log", settings=postgres.FOR_TESTS
    )
    made = Pair(first, directory)
    asyncio.run(first.create_database(DATABASE))
    made.copy()
    yield made
    made.stop()
    first.stop()
    shutil.rmtree(directory)


@pytest.fixture
def database_url(pair: Pair) -> str:
    return pair.url()


def paid(first: int) -> list[dict[str, Any]]:
    return [payment(f"p{n}", f"jsrcb:token-{n % 9:04}") for n in range(first, first + 60)]


async def test_a_worker_finds_the_new_primary_and_never_stays_with_the_old_one(
    stage: Stage, pair: Pair
) -> None:
    first, second = pair.ports
    await stage.start("personal")
    await stage.pour("payments", paid(0), 1)
    await stage.eventually(lambda: pair.answers(second))

    pair.primary.stop()
    pair.follow(pair.directory / "first", first, second)
    await stage.eventually(lambda: pair.answers(first))
    await stage.publish("payments", paid(60))
    app = stage.running["personal"][0]

    async def waits() -> bool:
        return "TargetServerAttributeNotMatched" in (app.state.worker.waits_for or "")

    await stage.eventually(waits)
    with pytest.raises(NotMigrated, match="primary"):
        await migrate(pair.url(), "personal")
    await pair.promote()
    await migrate(pair.url(), "personal")

    stage.database = await asyncpg.connect(pair.url(second))
    await stage.quiet()
    assert await stage.database.fetchval(POSTED) == len(paid(0)) + len(paid(60))
    await assert_clean(stage, ["personal"])
    await stage.database.close()
