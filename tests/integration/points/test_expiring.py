"""Points of a year are good until the end of the next, whatever came in between."""

from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from shared.settings import Settings
from tests.integration.points.desk import START, Points, open_desk

HISTORIES = limits(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


async def at(points: Points, text: str) -> None:
    """Time passes, and the clock's work waits."""
    points.now = points.now.fromisoformat(f"{text}+08:00")


async def gains(points: Points, id: str, text: str, grams: str) -> None:
    """A credit of a behaviour of that moment."""
    await at(points, text)
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
    await points.passes("2027-11-30T23:59:59")
    assert await points.told("expiring") == []
    await points.passes("2027-12-01T00:00:00")
    [told] = await points.told("expiring")
    assert (told["points"], told["balance"], told["due"]) == ("100.000", "150.000", "2028-01-01")
    await points.passes("2027-12-02T00:00:00")
    assert await points.told("expiring") == []


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
    await at(points, "2028-01-01T00:00:01")
    if ticks:
        await points.ticks()
    refused = await points.redeem("k")
    assert refused.json()["detail"] == "30.000 points, 40.000 needed"
    assert await points.balance() == "30.000"
    await points.ticks()
    assert [e["points"] for e in await points.told("expired")] == ["100.000"]


async def test_the_year_begins_where_the_city_is(database_url: str) -> None:
    options = Settings(database_url=database_url, tanzhang_auth="off", tanzhang_zone="UTC")
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
    sent = await points.sent()
    assert len(sent) == 5
    assert await points.sent_again(START) == sent


@dataclass
class Oracle:
    """The same told as a heap of credits, taken from its oldest end; all in milli-points."""

    credits: dict[str, tuple[int, int]] = field(default_factory=dict)  # year, left of it
    spent: dict[str, int] = field(default_factory=dict)

    def lots(self) -> list[tuple[int, int]]:
        """What is there, by year; more spent than there is: the last is below zero."""
        found: list[tuple[int, int]] = []
        left = sum(self.spent.values())
        for year, amount in sorted(self.credits.values()):
            taken = min(amount, left)
            left -= taken
            found.append((year, amount - taken))
        return [*found, (9999, -left)]

    @property
    def standing(self) -> int:
        """Balance, or minus the claim."""
        return sum(amount for _, amount in self.lots())

    def expire(self, year: int) -> None:
        over = sum(amount for credited, amount in self.lots() if credited < year - 1)
        due = min(over, self.standing)
        if due > 0:
            self.spent[f"expired-{len(self.spent)}"] = due


@dataclass
class History:
    """One member's life, done to the service and to the oracle."""

    points: Points
    oracle: Oracle = field(default_factory=Oracle)
    bought: list[str] = field(default_factory=list)
    steps: int = 0

    async def wait(self, days: int) -> None:
        self.points.now = self.points.now.fromtimestamp(
            self.points.now.timestamp() + days * 86_400, START.tzinfo
        )

    async def earn(self, amount: int) -> None:
        at = self.points.now.isoformat()
        self.oracle.credits[at] = (self.points.now.year, amount)
        await self.points.credit(f"c-{self.steps}", grams(amount), at=at)

    async def reverse(self, which: int) -> None:
        live = [at for at, (_, amount) in self.oracle.credits.items() if amount]
        if live:
            at = live[which % len(live)]
            year, amount = self.oracle.credits[at]
            self.oracle.credits[at] = (year, 0)
            await self.points.credit(f"r-{self.steps}", grams(-amount), at=at)

    async def buy(self, quantity: int) -> None:
        self.oracle.expire(self.points.now.year)
        answer = await self.points.redeem(f"k-{self.steps}", quantity=quantity)
        enough = self.oracle.standing >= quantity * 10_000
        assert answer.status_code == (201 if enough else 409), answer.text
        if enough:
            self.bought.append(answer.json()["id"])
            self.oracle.spent[self.bought[-1]] = quantity * 10_000

    async def give_back(self, which: int) -> None:
        if self.bought:
            id = self.bought.pop(which % len(self.bought))
            del self.oracle.spent[id]
            self.oracle.expire(self.points.now.year)
            assert (await self.points.cancel(id)).status_code == 200

    async def tick(self, _: int) -> None:
        self.oracle.expire(self.points.now.year)
        await self.points.ticks()

    async def agrees(self) -> None:
        """The member's standing, and what expires next, which the oracle does on a copy."""
        member = await self.points.member()
        standing = Decimal(member["balance"]) - Decimal(member["claim"])
        assert standing == Decimal(self.oracle.standing) / 1000
        assert not (Decimal(member["balance"]) and Decimal(member["claim"]))
        after = Oracle(dict(self.oracle.credits), dict(self.oracle.spent))
        after.expire(self.points.now.year + 1)
        expiring = Decimal(self.oracle.standing - after.standing) / 1000
        assert Decimal(member["expiring"]["points"]) == expiring


def grams(milli: int) -> str:
    return str(Decimal(milli) / 1000)


STEPS = st.one_of(
    # Years have to pass: waiting is twice as likely as anything else.
    st.tuples(st.just("wait"), st.integers(1, 420)),
    st.tuples(st.just("wait"), st.integers(60, 420)),
    st.tuples(st.just("earn"), st.integers(1, 60_000)),
    st.tuples(st.just("reverse"), st.integers(0, 9)),
    st.tuples(st.just("buy"), st.integers(1, 4)),
    st.tuples(st.just("give_back"), st.integers(0, 9)),
    st.tuples(st.just("tick"), st.just(0)),
)


@given(steps=st.lists(STEPS, min_size=5, max_size=30))
@HISTORIES
async def test_any_history_ends_as_a_heap_taken_from_its_oldest_end(
    points: Points, steps: list[tuple[str, int]]
) -> None:
    await points.forget()
    await points.offer(points="10", stock=1_000)
    history = History(points)
    await history.earn(1_000)
    for n, (name, number) in enumerate(steps, 1):
        history.steps = n
        await history.wait(1)
        await getattr(history, name)(number)
        await history.agrees()
    await points.holds()
