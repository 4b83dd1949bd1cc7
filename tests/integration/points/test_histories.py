"""Whatever is earned, spent, returned, taken back and expires over years: as if it had been told
at once and without what was undone."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from tests.integration.points.desk import START, Points

HISTORIES = limits(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@dataclass
class Deed:
    """Milli-points earned (or spent, below zero) in a year; nothing when it was undone."""

    year: int
    points: int


@dataclass
class Heap:
    """Points by year, the oldest on top; a debt is paid by what comes."""

    years: dict[int, int] = field(default_factory=dict)
    debt: int = 0

    def put(self, year: int, points: int) -> None:
        paid = min(points, self.debt)
        self.debt -= paid
        self.years[year] = self.years.get(year, 0) + points - paid

    def take(self, points: int) -> None:
        for year in sorted(self.years):
            taken = min(points, self.years[year])
            self.years[year] -= taken
            points -= taken
        self.debt += points

    def expire(self, now: int, told: Collection[int]) -> None:
        """Nothing expires with a year of whose beginning nobody was told."""
        begun = max((year for year in told if year <= now), default=0)
        self.years = {year: points for year, points in self.years.items() if year >= begun - 1}

    @property
    def standing(self) -> int:
        return sum(self.years.values()) - self.debt


def retold(deeds: list[Deed], year: int, told: Collection[int]) -> Heap:
    """What is left at the beginning of `year`, or later in it, of what was not undone."""
    heap = Heap()
    for deed in deeds:
        heap.expire(deed.year, told)
        if deed.points < 0:
            heap.take(-deed.points)
        else:
            heap.put(deed.year, deed.points)
    heap.expire(year, told)
    return heap


@dataclass
class History:
    """One member's life, done to the service and written down."""

    points: Points
    deeds: list[Deed] = field(default_factory=list)
    earned: dict[str, Deed] = field(default_factory=dict)
    bought: dict[str, Deed] = field(default_factory=dict)
    told: set[int] = field(default_factory=set)
    steps: int = 0

    @property
    def year(self) -> int:
        return self.points.now.year

    def done(self, points: int) -> Deed:
        self.deeds.append(Deed(self.year, points))
        return self.deeds[-1]

    def after(self, days: int) -> datetime:
        return datetime.fromtimestamp(self.points.now.timestamp() + days * 86_400, START.tzinfo)

    async def wait(self, days: int) -> None:
        """The notice of each year is given on the way."""
        then = self.after(days)
        for year in range(self.year, then.year + 1):
            if self.points.now < datetime(year, 11, 26, tzinfo=START.tzinfo) < then:
                self.told.add(year + 1)
        await self.points.waits_until(then)

    async def sleep(self, days: int) -> None:
        """The service is down."""
        self.points.now = self.after(days)

    async def earn(self, amount: int) -> None:
        at = self.points.now.isoformat()
        self.earned[at] = self.done(amount)
        await self.points.credit(f"c-{self.steps}", grams(amount), at=at)

    async def reverse(self, which: int) -> None:
        """All of a credit, or a part of it."""
        live = [at for at, deed in self.earned.items() if deed.points]
        if live:
            at = live[which % len(live)]
            left = self.earned[at].points // 2 if which % 3 == 0 else 0
            back = self.earned[at].points - left
            self.earned[at].points = left
            await self.points.credit(f"r-{self.steps}", grams(-back), at=at)

    async def buy(self, quantity: int) -> None:
        enough = retold(self.deeds, self.year, self.told).standing >= quantity * 10_000
        answer = await self.points.redeem(f"k-{self.steps}", quantity=quantity)
        assert answer.status_code == (201 if enough else 409), answer.text
        if enough:
            self.bought[answer.json()["id"]] = self.done(-quantity * 10_000)

    async def give_back(self, which: int) -> None:
        if self.bought:
            id = list(self.bought)[which % len(self.bought)]
            self.bought.pop(id).points = 0
            assert (await self.points.cancel(id)).status_code == 200

    async def tick(self, _: int) -> None:
        if date(self.year, 11, 25) <= self.points.now.date() < date(self.year, 12, 2):
            self.told.add(self.year + 1)
        await self.points.ticks()
        await self.agrees()

    async def agrees(self) -> None:
        """Balance and claim once all is expired, and what expires next."""
        member = await self.points.member()
        now = retold(self.deeds, self.year, self.told).standing
        assert Decimal(member["balance"]) == Decimal(max(now, 0)) / 1000
        assert Decimal(member["claim"]) == Decimal(max(-now, 0)) / 1000
        due = self.year + 1
        if due not in self.told and self.points.now.date() >= date(self.year, 12, 2):
            due += now != retold(self.deeds, due, {*self.told, due}).standing
        then = retold(self.deeds, due, {*self.told, due}).standing
        expiring = {"points": f"{Decimal(now - then) / 1000:.3f}", "due": f"{due}-01-01"}
        assert member["expiring"] == expiring


def grams(milli: int) -> str:
    return str(Decimal(milli) / 1000)


STEPS = st.one_of(
    # Years have to pass: waiting is twice as likely as anything else.
    st.tuples(st.just("wait"), st.integers(1, 420)),
    st.tuples(st.just("wait"), st.integers(60, 420)),
    st.tuples(st.just("sleep"), st.integers(1, 420)),
    st.tuples(st.just("earn"), st.integers(1, 60_000)),
    st.tuples(st.just("reverse"), st.integers(0, 9)),
    st.tuples(st.just("buy"), st.integers(1, 4)),
    st.tuples(st.just("give_back"), st.integers(0, 9)),
    st.tuples(st.just("tick"), st.just(0)),
)


@given(steps=st.lists(STEPS, min_size=5, max_size=30))
@HISTORIES
async def test_any_history_ends_as_if_what_was_undone_had_never_been(
    points: Points, steps: list[tuple[str, int]]
) -> None:
    await points.forget()
    await points.offer(points="10", stock=1_000)
    history = History(points)
    await history.earn(60_000)
    for n, (name, number) in enumerate(steps, 1):
        history.steps = n
        await history.wait(1)
        await getattr(history, name)(number)
        await points.holds()
    await history.tick(0)
    await points.holds()
