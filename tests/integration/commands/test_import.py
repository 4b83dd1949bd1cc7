"""Files in at the command line, events out on the topic."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tanzhang.posting import client, post_events
from tanzhang.simulation import city
from tanzhang.simulation.golden import HUAKANG

DATA = Path(__file__).parents[4] / "shared" / "data"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="../shared/data is not there: real files to import"
)
STEEL = ("--time-column", "date", "--value-column", "Usage_kWh", "--step", "15m", "--day-first")
SMALL = ("--time-column", "t", "--value-column", "v", "--step", "1h", "--meter", "m-1")


async def readings(read_topic: Any) -> dict[str, dict[str, Any]]:
    return {event["id"]: event for event in await read_topic("meter-readings")}


@needs_data
async def test_the_steel_works_twice(run: Any, ingest_url: str, read_topic: Any) -> None:
    file = DATA / "energy" / "steel_2018_h1.csv"
    command = ("import", "csv", str(file), "--enterprise", HUAKANG, "--meter", "steel", *STEEL)
    for _ in range(2):
        done = await run(*command, "--midnight-belongs", "next", "--ingest-url", ingest_url)
        assert done.out == "17376 events sent, 17376 accepted, 0 rejected\n", done.err
        assert done.code == 0
    found = await readings(read_topic)
    assert len(found) == 17_376
    assert sum(Decimal(e["data"]["value"]) for e in found.values()) == Decimal("521199.76")


@needs_data
async def test_five_usage_points(run: Any, ingest_url: str, read_topic: Any) -> None:
    file = DATA / "greenbutton" / "openespi_1hrLP_32DaysFiveUsagePoints_M.xml"
    done = await run(
        "import", "green-button", str(file), "--enterprise", HUAKANG, "--meter-prefix", "gb",
        "--ingest-url", ingest_url,
    )  # fmt: skip
    assert (done.code, done.out) == (0, "3840 events sent, 3840 accepted, 0 rejected\n"), done.err
    found = await readings(read_topic)
    assert {e["data"]["meter_id"] for e in found.values()} == {f"gb-{n}" for n in range(1, 6)}
    assert sum(Decimal(e["data"]["value"]) for e in found.values()) == 34_739_626


@needs_data
async def test_a_file_that_is_cut_short_posts_nothing(
    run: Any, ingest_url: str, read_topic: Any, tmp_path: Path
) -> None:
    whole = (DATA / "greenbutton" / "openespi_Gas.xml").read_bytes()
    file = tmp_path / "cut.xml"
    file.write_bytes(whole[:9000])
    done = await run(
        "import", "green-button", str(file), "--enterprise", HUAKANG, "--ingest-url", ingest_url
    )
    assert done.code == 1
    assert "is refused, nothing was posted:\nline 244, XML: not well-formed" in done.err
    assert await readings(read_topic) == {}


async def test_what_the_door_rejects_is_reported_with_its_line(
    run: Any, ingest_url: str, read_topic: Any, tmp_path: Path
) -> None:
    file = tmp_path / "readings.csv"
    # The door takes numbers of 12 places at most.
    file.write_text("t,v\n2020-01-01T01:00,5\n2020-01-01T02:00,0.1234567890123\n")
    done = await run(
        "import", "csv", str(file), "--enterprise", HUAKANG, *SMALL, "--ingest-url", ingest_url
    )
    assert (done.code, done.out) == (1, "2 events sent, 1 accepted, 1 rejected\n")
    assert f"{file}: line 3, rejected: " in done.err
    assert len(await readings(read_topic)) == 1


async def test_bad_rows_refuse_the_file_before_anything_is_posted(
    run: Any, ingest_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "readings.csv"
    file.write_text("t,v\n2020-01-01T01:00,5\n2020-01-01T02:00,five\n")
    command = ("import", "csv", str(file), "--enterprise", HUAKANG, *SMALL)
    done = await run(*command, "--ingest-url", ingest_url)
    assert (done.code, done.out) == (1, "")
    assert "line 3, v: expected a decimal number, got 'five'" in done.err
    done = await run(*command, "--skip-bad", "--ingest-url", ingest_url)
    assert (done.code, done.out) == (0, "1 events sent, 1 accepted, 0 rejected\n")
    assert "skipped line 3, v:" in done.err


async def test_wrong_options_are_named(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "readings.csv"
    file.write_text("t,v\n")
    base = ("import", "csv", str(file), *SMALL)
    for wrong, message in (
        (("--enterprise", "12345"), "expected a unified social credit code"),
        (("--enterprise", HUAKANG, "--unit", "kW"), "unknown unit"),
        (("--enterprise", HUAKANG, "--step", "soon"), "expected a length such as"),
        (("--enterprise", HUAKANG, "--time-zone", "Mars/Base"), "expected a zone such as"),
        (("--enterprise", HUAKANG, "--encoding", "morse"), "unknown encoding"),
        (("--enterprise", HUAKANG, "--encoding", "rot13"), "unknown encoding"),
    ):
        done = await run(*base, *wrong)
        assert done.code == 2
        text = " ".join(done.err.replace("│", " ").split())
        assert message in text


async def test_the_door_takes_every_event_of_a_city(ingest_url: str, read_topic: Any) -> None:
    made = city(11, enterprises=10, farms=10, customers=100, payments=800)
    problems: list[str] = []
    async with client(ingest_url, None) as door:
        posted = await post_events(
            door,
            (posting.event for posting in made.events()),
            batch=100,
            on_rejected=lambda rejection: problems.append(rejection.reason()),
        )
    assert problems == []
    assert posted.accepted == posted.sent == made.event_count()
    assert len({e["id"] for e in await read_topic("payments")}) == 801
