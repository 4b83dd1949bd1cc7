"""An enterprise with something of everything, and its accounts computed again."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from services.industrial.domain.restatement import Restatement
from services.industrial.restating import Choice, Restater
from shared.units.calendar import CITY
from tests.integration.industrial.conftest import NOW

OTHER = "91330000142927960N"
LATER = NOW + timedelta(hours=1)
MARCH = ("2022-03-01T00:00:00+08:00", "2022-03-02T00:00:00+08:00")
NEW_YEAR = ("2021-12-31T00:00:00+08:00", "2022-01-03T00:00:00+08:00")


def events(desk: Any) -> list[dict[str, Any]]:
    """Something of every kind, some of it taken back."""
    return [
        desk.interval("a", *MARCH, "1000"),
        desk.interval("a-estimated", *MARCH, "990", quality="estimated"),
        desk.interval("over", *NEW_YEAR, "100.1"),
        desk.register("r-1", "2021-12-01T00:00:00+08:00", "900"),
        desk.register("r-3", "2022-02-01T00:00:00+08:00", "100"),
        desk.register("r-2", "2022-01-10T00:00:00+08:00", "950"),
        desk.interval("wrong", "2022-05-01T00:00:00Z", "2022-05-02T00:00:00Z", "9"),
        desk.interval("right", "2022-05-01T00:00:00Z", "2022-05-02T00:00:00Z", "8",
                      replaces="wrong"),
        desk.event("activity", "t", activity="direct.co2", start="2022-01-01", end="2022-03-01",
                   quantity="2", unit="t"),
        desk.event("production", "o", product="xylitol", start="2022-01-01", end="2023-01-01",
                   quantity="70", unit="t"),
        desk.event("economy", "v", start="2022-01-01", end="2023-01-01", value_added="5",
                   unit="1e4CNY"),
    ]  # fmt: skip


async def registered(desk: Any, **meter: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter("m1", **meter)
    await desk.register_meter("r1", register_max="1000")


async def restated(desk: Any, now: Any = LATER, page: int = 2000, **choice: Any) -> Any:
    restater = Restater(desk.app.state.pool, desk.app.state.poster, CITY, page)
    return await restater.run(Choice(by="auditor", **choice), now)


def told(found: list[Restatement]) -> list[dict[str, Any]]:
    return [asdict(one) for one in found]


async def standing(desk: Any) -> list[Any]:
    """What stands, without when and why."""
    when = ("line", "sequence", "posted_at", "reason", "cause", "reverses")
    lines = await desk.entries()
    gone = {(e["event"]["id"], e["reverses"]) for e in lines}
    return sorted(
        (
            {k: v for k, v in e.items() if k not in when}
            for e in lines
            if e["reverses"] is None and (e["event"]["id"], e["line"]) not in gone
        ),
        key=str,
    )
