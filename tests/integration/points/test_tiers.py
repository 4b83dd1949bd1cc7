"""Tiers: what was saved in the 12 months that end today, told exactly when it changes."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from services.points import domain
from services.points import tiers as module
from shared.methodology import methodology
from shared.methodology.files import DATA
from tests.integration.points.desk import MEMBER, Points

Told = list[dict[str, Any]]


async def tiers(points: Points) -> list[tuple[str, str | None]]:
    return [(told["tier"], told.get("previous")) for told in await points.told("tier")]


async def test_a_tier_is_told_once_when_it_is_reached_and_not_again(points: Points) -> None:
    await points.credit("a", "499.999")
    await points.ticks()
    assert await tiers(points) == []
    await points.credit("b", "0.001")
    await points.ticks()
    assert await tiers(points) == [("light", None)]
    await points.credit("c", "1000")
    await points.ticks()
    assert await tiers(points) == []
    await points.credit("d", "3500")
    await points.ticks()
    assert await tiers(points) == [("deep", "light")]


async def test_a_reversal_takes_the_tier_back(points: Points) -> None:
    await points.credit("a", "2000")
    await points.ticks()
    await points.credit("b", "-0.001")
    await points.ticks()
    assert await tiers(points) == [("medium", None), ("light", "medium")]
    await points.credit("c", "-1999.999")
    await points.ticks()
    assert await tiers(points) == [("none", "light")]


async def test_the_account_says_since_when_and_until_when_the_tier_holds(points: Points) -> None:
    await points.credit("a", "500", at="2025-06-10T23:59:59+08:00")
    await points.credit("b", "1500", at="2026-02-01T00:00:00+08:00")
    await points.ticks()
    member = await points.member()
    decided = datetime.fromisoformat(member["tier_decided_at"])
    until = datetime.fromisoformat(member["tier_valid_until"])
    assert (member["tier"], member["trailing_g"]) == ("medium", "2000.000")
    assert decided == points.now
    assert until == datetime.fromisoformat("2026-06-10T00:00:00+08:00")


async def test_a_tier_falls_on_the_day_on_which_its_points_no_longer_count(points: Points) -> None:
    await points.credit("a", "500", at="2025-06-10T23:59:59+08:00")
    await points.credit("b", "1500", at="2026-02-01T00:00:00+08:00")
    await points.ticks()
    assert await tiers(points) == [("medium", None)]
    await points.passes("2026-06-09T23:59:59")
    assert await tiers(points) == []
    await points.passes("2026-06-10T00:00:00")
    assert await tiers(points) == [("light", "medium")]
    await points.passes("2027-01-31T23:59:59")
    assert await tiers(points) == []
    await points.passes("2027-02-01T00:00:00")
    assert await tiers(points) == [("none", "light")]
    member = await points.member()
    assert (member["tier"], member["tier_valid_until"]) == ("none", None)
    await points.holds()


async def test_what_was_saved_counts_by_when_it_was_and_not_by_when_it_came(points: Points) -> None:
    await points.credit("old", "6000", at="2025-02-28T10:00:00+08:00")
    await points.credit("new", "600", at="2025-03-02T00:00:00+08:00")
    await points.ticks()
    member = await points.member()
    assert (member["balance"], member["trailing_g"], member["tier"]) == (
        "6600.000",
        "600.000",
        "light",
    )
    await points.holds()


@pytest.mark.parametrize("spent", ["redeemed", "cancelled", "expired"])
async def test_spending_does_not_lower_a_tier(points: Points, spent: str) -> None:
    await points.credit("a", "600", at="2027-06-01T00:00:00+08:00")
    await points.offer(points="600")
    if spent != "expired":
        id = await points.redeemed("k")
    if spent == "cancelled":
        await points.cancel(id)
    await points.passes("2028-01-02T08:00:00")
    member = await points.member()
    assert (member["tier"], member["trailing_g"]) == ("light", "600.000")


async def test_spending_and_expiry_are_no_reason_to_look_at_a_tier_again(points: Points) -> None:
    """All that expires when a year begins would stand before those whose tier has changed."""
    await points.credit("a", "600", at="2026-03-01T00:00:00+08:00")
    await points.offer(points="60")
    await points.ticks()
    await points.cancel(await points.redeemed("k"))
    assert await points.count("tier_due") == 0
    await points.waits("2028-01-01T00:00:00")
    decided = (await points.member())["tier_decided_at"]
    assert (await points.redeem("too late")).status_code == 409
    assert await points.balance() == "0.000"
    assert await points.count("tier_due") == 0
    assert (await points.member())["tier_decided_at"] == decided


async def test_an_unknown_tier_is_none_and_says_so(points: Points) -> None:
    await points.credit("a", "1")
    member = await points.member()
    assert (member["tier"], member["tier_decided_at"]) == ("none", None)
    assert member["account_id"] == MEMBER


@pytest.mark.usefixtures("stricter_from_april")
async def test_a_tier_that_the_new_rule_has_not_come_to_yet_is_not_wrong(
    points: Points, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ACCOUNTS_PER_TICK", 1)
    for member in (MEMBER, "jsrcb:token-0002"):
        await points.credit(member, "600", subject=member)
    await points.ticks()
    points.now = datetime.fromisoformat("2026-04-01T00:00:00+08:00")
    for told in ([("none", "light")], [("none", "light")], []):
        await points.sent()
        await points.tick()
        assert await tiers(points) == told
        await points.holds()


@pytest.fixture
def stricter_from_april(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later edition of the rules beside the first: light begins at 700 g, from 1 April 2026."""
    directory = shutil.copytree(DATA, tmp_path / "data")
    text = (directory / "labels.yaml").read_text()
    for old, new in (
        ('version: "1"', 'version: "2"'),
        ("valid_from: 2015-01-01", "valid_from: 2026-04-01"),
        ("light: 500,", "light: 700,"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    (directory / "labels-2.yaml").write_text(text)
    monkeypatch.setattr(domain, "methodology", lambda: methodology(directory))


@pytest.mark.usefixtures("stricter_from_april")
async def test_a_new_rule_is_told_on_the_day_from_which_it_holds(points: Points) -> None:
    await points.credit("a", "600")
    await points.ticks()
    await points.holds()
    assert await tiers(points) == [("light", None)]
    await points.passes("2026-03-31T23:59:59")
    assert await tiers(points) == []
    await points.passes("2026-04-01T00:00:00")
    assert await tiers(points) == [("none", "light")]
    await points.holds()
