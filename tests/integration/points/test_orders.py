"""Credits and reversals in any order, some repeated, in any batches: the same balance and claim."""

from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.points.desk import MEMBER, Points, reduction

OTHER = "jsrcb:token-0002"
ORDERS = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
STANDING = """
select s.subject, a.balance, coalesce(c.points, 0) as claim
from subject s join account a on a.number = s.account left join claim c on c.account = a.number
"""


@st.composite
def behaviours(draw: st.DrawFn) -> list[bytes]:
    """Credits of two members, some taken back in one or two parts."""
    events = []
    for n in range(draw(st.integers(1, 7))):
        subject = draw(st.sampled_from([MEMBER, OTHER]))
        amount = draw(st.integers(1, 90_000))
        at = f"2026-03-01T10:00:{n:02}+08:00"
        taken = draw(st.lists(st.integers(1, amount), max_size=2))
        amounts = [amount, *(-part for part in taken if sum(taken) <= amount)]
        events += [
            reduction(f"{n}-{k}", f"{milli / 1000:.3f}", subject=subject, at=at)
            for k, milli in enumerate(amounts)
        ]
    return events


@st.composite
def arrivals(draw: st.DrawFn, events: Sequence[bytes]) -> list[list[bytes]]:
    """Any order, some repeated, cut into batches."""
    repeated = draw(st.lists(st.sampled_from(events), max_size=4))
    order = draw(st.permutations([*events, *repeated]))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=4)))
    return [list(order[a:b]) for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True) if b > a]


async def outcome(points: Points, batches: Sequence[Sequence[bytes]]) -> dict[str, tuple[int, int]]:
    """Balance and claim by member, of whom one has spent points before."""
    await points.forget()
    await points.offer()
    await points.credit("first", "50")
    await points.redeemed("k", quantity=2)
    for batch in batches:
        await points.post(batch)
    await points.holds()
    rows = await points.app.state.pool.fetch(STANDING)
    return {row["subject"]: (row["balance"], row["claim"]) for row in rows}


@given(data=st.data())
@ORDERS
async def test_the_order_of_arrival_does_not_matter(points: Points, data: st.DataObject) -> None:
    events = data.draw(behaviours())
    straight = await outcome(points, [events])
    assert await outcome(points, data.draw(arrivals(events))) == straight
    assert all(min(standing) == 0 for standing in straight.values())
