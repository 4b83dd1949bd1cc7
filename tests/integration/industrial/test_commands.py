"""`tanzhang close` and `tanzhang restate` as they are typed, beside a running service."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tanzhang.cli import app

FEBRUARY = ("2021-02-01T00:00:00+08:00", "2021-02-02T00:00:00+08:00")
MARCH = ("2021-03-01T00:00:00+08:00", "2021-03-02T00:00:00+08:00")


async def tanzhang(url: str, directory: Path, *arguments: str) -> Result:
    given = [*arguments, "--data-dir", str(directory)]
    env = {"DATABASE_URL": url, "COLUMNS": "200"}
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, given, env=env))


async def test_close_and_reopen(desk: Any, empty_url: str, tmp_path: Path) -> None:
    await desk.register_enterprise()
    await desk.register_meter("m1")
    await desk.post(desk.interval("a", *FEBRUARY, "1000"))
    done = await tanzhang(empty_url, tmp_path, "close", "2021", "--reason", "audited", "--by", "me")
    assert (done.exit_code, done.stdout) == (
        0, "2021 closed: 1 accounts, 0.5422 t; 0 events wait for it\n"
    )  # fmt: skip
    await desk.post(desk.interval("b", *MARCH, "1000"))
    assert await desk.parked() == {"b": "year:2021"}
    again = await tanzhang(empty_url, tmp_path, "close", "2021")
    assert again.stdout == "2021 was closed before: 1 accounts, 0.5422 t; 1 events wait for it\n"

    without = await tanzhang(empty_url, tmp_path, "close", "2021", "--reopen")
    assert without.exit_code == 2
    assert "expected a reason to open a year again" in without.output
    reason = ("--reopen", "--reason", "a late bill", "--by", "me")
    opened = await tanzhang(empty_url, tmp_path, "close", "2021", *reason)
    assert (opened.exit_code, opened.stdout) == (
        0,
        "2021 open again: 1 events of 1 accounts posted, 0 wait for something else, 0 refused\n",
    )
    assert (await desk.account(2021))["energy_t"] == "1.0844"
    [year] = (await desk.get("years"))["items"]
    assert [(c["action"], c["reason"], c["by"]) for c in year["history"]] == [
        ("closed", "audited", "me"), ("reopened", "a late bill", "me"),
    ]  # fmt: skip
    third = await tanzhang(empty_url, tmp_path, "close", "2021", *reason)
    assert (third.exit_code, third.stderr) == (1, "tanzhang: 2021 is not closed\n")


async def test_a_year_that_is_not_over(desk: Any, empty_url: str, tmp_path: Path) -> None:
    done = await tanzhang(empty_url, tmp_path, "close", "2099")
    assert done.exit_code == 1
    assert done.stderr.startswith("tanzhang: 2099 is not over: expected a year before ")


async def test_restate_shows_first_and_changes_then(
    desk: Any, empty_url: str, tmp_path: Path
) -> None:
    await desk.register_enterprise()
    await desk.register_meter("m1")
    await desk.post(desk.interval("a", *FEBRUARY, "1000"))
    nothing = await tanzhang(empty_url, tmp_path, "restate")
    assert (nothing.exit_code, nothing.stdout) == (0, "nothing differs\n")
    await desk.register_meter("m1", multiplier="10", valid_from="1900-01-01")

    shown = await tanzhang(empty_url, tmp_path, "restate", "--dry-run")
    assert shown.exit_code == 0
    changes = shown.stdout.splitlines()[:3]
    assert changes == [
        f"{desk.enterprise} 2021: 0.5422 t before, 5.422 t after, difference 4.8798 t in 1 events",
        "  takes back 1 entries of grid@1 grid.zhejiang.2021",
        "  posts      1 entries of grid@1 grid.zhejiang.2021",
    ]
    assert "1 years of 1 enterprises would change; nothing was written" in shown.stdout
    assert (await desk.account(2021))["energy_t"] == "0.5422"

    done = await tanzhang(empty_url, tmp_path, "restate", "--reason", "CT 10:1")
    assert done.stdout.splitlines()[:3] == changes
    assert "1 years of 1 enterprises changed" in done.stdout
    assert (await desk.account(2021))["energy_t"] == "5.422"
    assert (await tanzhang(empty_url, tmp_path, "restate")).stdout == "nothing differs\n"
    [kept] = (await desk.get(f"enterprises/{desk.enterprise}/restatements"))["items"]
    assert kept["reason"] == "CT 10:1"


async def test_restate_of_a_closed_year(desk: Any, empty_url: str, tmp_path: Path) -> None:
    await desk.register_enterprise()
    await desk.register_meter("m1")
    await desk.post(desk.interval("a", *FEBRUARY, "1000"))
    await tanzhang(empty_url, tmp_path, "close", "2021")
    await desk.register_meter("m1", multiplier="10", valid_from="1900-01-01")
    refused = await tanzhang(empty_url, tmp_path, "restate", "--year", "2021")
    assert refused.exit_code == 1
    assert "2021 is closed; expected --reopen with a --reason" in refused.stderr
    without = await tanzhang(empty_url, tmp_path, "restate", "--year", "2021", "--reopen")
    assert without.exit_code == 2
    assert "expected a reason" in without.output
    shown = await tanzhang(
        empty_url, tmp_path, "restate", "--year", "2021", "--reopen", "--dry-run"
    )
    assert (shown.exit_code, "5.422" in shown.stdout) == (0, True)
    reason = ("--reopen", "--reason", "CT 10:1")
    done = await tanzhang(empty_url, tmp_path, "restate", "--year", "2021", *reason)
    assert done.exit_code == 0
    assert (await desk.account(2021))["energy_t"] == "5.422"


async def test_what_cannot_be_computed_is_named_and_the_exit_code_says_so(
    desk: Any, empty_url: str, tmp_path: Path
) -> None:
    await desk.register_enterprise()
    await desk.register_meter("r1", register_max="1000")
    await desk.post(
        desk.register("r-1", FEBRUARY[0], "900"), desk.register("r-2", FEBRUARY[1], "100")
    )
    await desk.register_meter("r1", valid_from="1900-01-01")
    done = await tanzhang(empty_url, tmp_path, "restate")
    assert done.exit_code == 1
    assert f"stays  {desk.enterprise}: urn:utility:test r-2: meter:r1" in done.stdout
    assert "nothing differs" in done.stdout


@pytest.mark.parametrize("command", [["close", "2021"], ["restate"]])
async def test_a_database_that_does_not_answer_is_named(tmp_path: Path, command: list[str]) -> None:
    done = await tanzhang("postgresql://127.0.0.1:1/none", tmp_path, *command)
    assert done.exit_code == 1
    assert "the database of industrial does not do it" in done.stderr
