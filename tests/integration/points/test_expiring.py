"""Points of a year are good until the end of the next, whatever came in between."""

from datetime import datetime

import pytest

from services.points import expiry
from shared.settings import Settings
from tests.integration.databases import emptied
from tests.integration.points.desk import START, Points, open_desk, reduction


async def gains(points: Points, id: str, text: str, grams: str) -> None:
    """A credit of a behaviour of that moment."""
    await points.waits(text)
    await points.credit(id, grams, at=f"{text}+08:00")


async def loses(points: Points, id: str, text: str, grams: str) -> None:
    """The reversal of a behaviour of that moment, now."""
    await points.credit(id, f"-{grams}", at=f"{text}+08:00")


async def test_the_oldest_points_are_spent_first_and_what_is_left_of_them_expires(
    points: Points,
) -> None:
    await points.offer(points="30")
    await gains(points, "a", "2026-05-01T08:00:00", "100")
    await gains(points, "b", "2027-05-01T08:00:00", "50")
    await points.redeemed("k")
    await points.passes("2027-12-31T23:59:59")
    assert await points.balance() == "120.000"
    await points.passes("2028-01-01T00:00:00")
    assert await points.balance() == "50.000"
    await points.passes("2029-01-01T00:00:00")
    assert await points.balance() == "0.000"
    told = [(e["points"], e["balance"], e["cause"]) for e in await points.told("expired")]
    assert told == [("70.000", "50.000", "expired:2028"), ("50.000", "0.000", "expired:2029")]
    await points.holds()


async def test_what_will_expire_is_announced_at_least_30_days_before_and_shown(
    points: Points,
) -> None:
    await gains(points, "a", "2026-05-01T08:00:00", "100")
    await gains(points, "b", "2027-05-01T08:00:00", "50")
    assert (await points.member())["expiring"] == {"points": "100.000", "due": "2028-01-01"}
    await points.passes("2027-11-24T23:59:59")
    assert await points.told("expiring") == []
    await points.passes("2027-11-25T00:00:00")
    [told] = await points.told("expiring")
    assert (told["points"], told["balance"], told["due"]) == ("100.000", "150.000", "2028-01-01")
    await points.passes("2027-12-02T00:00:00")
    assert await points.told("expiring") == []


async def test_points_of_whose_end_nobody_was_told_are_good_for_another_year(
    points: Points,
) -> None:
    """The service was down until it was too late."""
    await gains(points, "a", "2026-05-01T08:00:00", "100")
    for now in ("2027-12-02T00:00:00", "2028-01-01T00:00:00"):
        points.now = datetime.fromisoformat(f"{now}+08:00")
        await points.ticks()
        assert (await points.member())["expiring"] == {"points": "100.000", "due": "2029-01-01"}
    assert (await points.balance(), await points.told("expiring")) == ("100.000", [])
    await points.passes("2029-01-01T00:00:00")
    assert await points.balance() == "0.000"
    [told] = await points.told("expiring")
    assert (told["points"], told["due"]) == ("100.000", "2029-01-01")
    await points.holds()


async def test_of_a_notice_half_given_those_whom_it_has_reached_lose_points(
    points: Points, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service went down in the middle; what a cancellation returns is told to those only."""
    await points.offer(points="40")
    people = ("jsrcb:token-0001", "jsrcb:token-0002")
    orders = {}
    for person in people:
        await points.credit(f"of {person}", "100", subject=person)
        orders[person] = await points.redeemed(person, subject=person)
    monkeypatch.setattr(expiry, "ACCOUNTS_PER_TICK", 1)
    points.now = datetime.fromisoformat("2027-12-01T23:59:59+08:00")
    await points.ticks()
    assert len(await points.told("expiring")) == 1
    points.now = datetime.fromisoformat("2027-12-02T00:00:00+08:00")
    for person in people:
        await points.cancel(orders[person])
        await points.ticks()
    assert [told["points"] for told in await points.told("expiring")] == ["100.000"]
    due = [(await points.member(person))["expiring"]["due"] for person in people]
    assert sorted(due) == ["2028-01-01", "2029-01-01"]
    points.now = datetime.fromisoformat("2028-01-01T00:00:00+08:00")
    await points.ticks()
    balances = [await points.balance(person) for person in people]
    assert dict(zip(due, balances, strict=True)) == {"2028-01-01": "0.000", "2029-01-01": "100.000"}
    await points.holds()


async def test_a_notice_on_the_last_day_is_in_time(points: Points) -> None:
    await gains(points, "a", "2026-05-01T08:00:00", "100")
    points.now = datetime.fromisoformat("2027-12-01T23:59:59+08:00")
    await points.ticks()
    assert [e["due"] for e in await points.told("expiring")] == ["2028-01-01"]
    await points.passes("2028-01-01T00:00:00")
    assert await points.balance() == "0.000"


async def test_a_reversal_takes_the_points_of_its_own_year(points: Points) -> None:
    await gains(points, "a", "2026-05-01T08:00:00", "100")
    await gains(points, "b", "2027-12-30T08:00:00", "60")
    await loses(points, "b-back", "2027-12-30T08:00:00", "60")
    await points.passes("2028-01-01T00:00:00")
    assert await points.balance() == "0.000"
    [told] = await points.told("expired")
    assert told["points"] == "100.000"


async def test_a_claim_is_settled_without_points_that_could_expire(points: Points) -> None:
    await points.offer(points="100")
    await gains(points, "a", "2026-05-01T08:00:00", "100")
    await points.redeemed("k")
    await loses(points, "a-back", "2026-05-01T08:00:00", "100")
    await gains(points, "b", "2027-05-01T08:00:00", "130")
    assert await points.balance() == "30.000"
    await points.passes("2028-01-01T00:00:00")
    assert await points.balance() == "30.000"
    await points.passes("2029-01-01T00:00:00")
    assert await points.balance() == "0.000"


async def test_returned_points_keep_their_year(points: Points) -> None:
    await points.offer(points="40")
    await gains(points, "a", "2026-05-01T08:00:00", "100")
    id = await points.redeemed("k")
    await gains(points, "b", "2027-05-01T08:00:00", "50")
    await points.cancel(id)
    assert (await points.member())["expiring"] == {"points": "100.000", "due": "2028-01-01"}
    await points.passes("2028-01-01T00:00:00")
    assert await points.balance() == "50.000"


async def test_points_returned_after_their_year_expire_with_the_return(points: Points) -> None:
    await points.offer(points="40")
    await gains(points, "a", "2026-05-01T08:00:00", "100")
    await gains(points, "b", "2027-05-01T08:00:00", "50")
    id = await points.redeemed("k", quantity=3)
    await points.passes("2028-01-01T00:00:00")
    assert await points.balance() == "30.000"
    await points.sent()
    answer = await points.cancel(id)
    assert (answer.json()["status"], answer.json()["balance"]) == ("cancelled", "50.000")
    assert [(e["points"], e["balance"]) for e in await points.told("credited", "expired")] == [
        ("120.000", "150.000"),
        ("100.000", "50.000"),
    ]
    await points.holds()


async def test_points_returned_after_the_notice_are_announced_again(points: Points) -> None:
    await points.offer(points="40")
    await gains(points, "a", "2026-05-01T08:00:00", "100")
    id = await points.redeemed("k")
    await points.passes("2027-12-05T08:00:00")
    await points.cancel(id)
    assert [e["points"] for e in await points.told("expiring")] == ["60.000", "100.000"]


@pytest.mark.parametrize("ticks", [True, False])
async def test_no_expired_point_is_spent_before_the_clock_has_come_to_it(
    points: Points, ticks: bool
) -> None:
    await points.offer(points="40")
    await gains(points, "a", "2026-05-01T08:00:00", "100")
    await gains(points, "b", "2027-05-01T08:00:00", "30")
    await points.waits("2028-01-01T00:00:01")
    if ticks:
        await points.ticks()
    refused = await points.redeem("k")
    assert refused.json()["detail"] == "30.000 points, 40.000 needed"
    assert await points.balance() == "30.000"
    await points.ticks()
    assert [e["points"] for e in await points.told("expired")] == ["100.000"]


async def test_the_year_begins_where_the_city_is(migrated_url: str) -> None:
    url = await emptied(migrated_url, "points")
    options = Settings(database_url=url, tanzhang_auth="off", tanzhang_zone="UTC")
    async with open_desk(options) as points:
        await gains(points, "a", "2026-05-01T08:00:00", "100")
        await points.passes("2028-01-01T07:59:59")
        assert await points.balance() == "100.000"
        await points.passes("2028-01-01T08:00:00")
        assert await points.balance() == "0.000"


async def test_expiry_and_returns_are_said_again_as_they_were(points: Points) -> None:
    await points.offer(points="40")
    await gains(points, "a", "2026-05-01T08:00:00", "100")
    id = await points.redeemed("k")
    await points.passes("2028-01-01T00:00:00")
    await points.cancel(id)
    sent = [event for event in await points.sent() if b".expiring." not in event]
    assert len(sent) == 5
    assert await points.sent_again(START) == sent


@pytest.mark.parametrize("passes_first", [True, False])
async def test_a_reversal_of_expired_points_leaves_nothing_owed(
    points: Points, passes_first: bool
) -> None:
    """Nobody has had them; and it does not matter which of the two came first."""
    await points.offer(points="30")
    await gains(points, "a", "2026-05-01T08:00:00", "100")
    await gains(points, "b", "2027-05-01T08:00:00", "50")
    await points.redeemed("k")
    await points.waits("2028-01-01T00:00:00")
    if passes_first:
        await points.ticks()
    await loses(points, "a-back", "2026-05-01T08:00:00", "100")
    await points.ticks()
    # Of the 100, 30 were spent: they are taken from the 50.
    member = await points.member()
    assert (member["balance"], member["claim"]) == ("20.000", "0.000")
    [told] = await points.told("reversed")
    assert told["points"] == "100.000"
    await points.holds()


async def test_expired_points_of_which_more_were_spent_are_owed_as_far_as_spent(
    points: Points,
) -> None:
    await points.offer(points="80")
    await gains(points, "a", "2026-05-01T08:00:00", "100")
    await points.redeemed("k")
    await points.passes("2028-01-01T00:00:00")
    await loses(points, "a-back", "2026-05-01T08:00:00", "100")
    member = await points.member()
    assert (member["balance"], member["claim"]) == ("0.000", "80.000")
    await points.holds()


async def test_a_credit_and_its_reversal_in_one_batch_leave_expired_points_alone(
    points: Points,
) -> None:
    await gains(points, "a", "2026-05-01T08:00:00", "100")
    await points.passes("2028-01-01T00:00:00")
    again, back = (
        reduction(id, grams, at="2026-05-01T08:00:00+08:00")
        for id, grams in (("again", "40"), ("again-back", "-40"))
    )
    await points.post([again, back])
    await points.ticks()
    member = await points.member()
    assert (member["balance"], member["claim"]) == ("0.000", "0.000")
    await points.holds()


async def test_what_is_credited_again_in_a_later_year_is_of_that_year(points: Points) -> None:
    """A payment past a cap counts again once an earlier one is taken back, years later."""
    await gains(points, "a", "2026-05-01T08:00:00", "100")
    await loses(points, "past-the-cap", "2026-05-01T08:00:00", "100")
    await points.waits("2028-03-01T08:00:00")
    await points.credit("again", "100", at="2026-05-01T08:00:00+08:00")
    await points.ticks()
    assert await points.balance() == "100.000"
    await points.passes("2029-12-31T23:59:59")
    assert await points.balance() == "100.000"
    await points.passes("2030-01-01T00:00:00")
    assert await points.balance() == "0.000"


async def test_returned_points_of_an_expired_year_are_not_those_spent_since(points: Points) -> None:
    await points.offer(points="50")
    await gains(points, "a", "2026-05-01T08:00:00", "100")
    id = await points.redeemed("k", quantity=2)
    await gains(points, "b", "2027-05-01T08:00:00", "50")
    await points.passes("2028-02-01T00:00:00")
    await points.redeemed("since")
    assert (await points.cancel(id)).json()["balance"] == "0.000"
    await points.holds()


async def test_returned_points_of_an_expired_year_settle_no_claim(points: Points) -> None:
    await points.offer(points="50")
    await gains(points, "a", "2026-05-01T08:00:00", "100")
    id = await points.redeemed("k", quantity=2)
    await gains(points, "b", "2028-05-01T08:00:00", "50")
    await points.redeemed("since")
    await loses(points, "b-back", "2028-05-01T08:00:00", "50")
    await points.cancel(id)
    member = await points.member()
    assert (member["balance"], member["claim"]) == ("0.000", "50.000")
    await points.holds()


async def test_a_return_that_changes_nothing_of_the_notice_is_not_announced(points: Points) -> None:
    await points.offer(points="40")
    await gains(points, "a", "2026-05-01T08:00:00", "100")
    await gains(points, "b", "2027-05-01T08:00:00", "90")
    await points.redeemed("old", quantity=3)
    id = await points.redeemed("new")
    await points.passes("2027-12-05T08:00:00")
    assert await points.told("expiring") == []
    await points.cancel(id)
    assert await points.told("expiring") == []


async def test_a_return_before_the_notice_has_come_to_the_account_is_announced_with_it(
    points: Points,
) -> None:
    await points.offer(points="40")
    await gains(points, "a", "2026-05-01T08:00:00", "100")
    id = await points.redeemed("k")
    await points.waits("2027-11-25T00:00:00")
    await points.cancel(id)
    await points.ticks()
    assert [e["points"] for e in await points.told("expiring")] == ["100.000"]


async def test_what_is_overdue_is_not_shown_as_expiring_a_year_later(points: Points) -> None:
    await gains(points, "a", "2026-05-01T08:00:00", "100")
    await gains(points, "b", "2027-05-01T08:00:00", "30")
    await points.waits("2028-01-01T00:00:01")
    expected = {"points": "30.000", "due": "2029-01-01"}
    assert (await points.member())["expiring"] == expected
    await points.ticks()
    assert (await points.member())["expiring"] == expected
