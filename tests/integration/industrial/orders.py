"""The same readings in any order, some repeated, in any batches: what came out."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

MARCH = "2022-03-{:02}T{:02}:00:00+08:00"
GRID_2022 = Decimal("515300")
ORDERS = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def hour(n: int) -> str:
    return MARCH.format(1 + n // 24, n % 24)


async def ready(desk: Any, **meter: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter("m1")
    await desk.register_meter("r1", **meter)


async def energy_mg(desk: Any) -> int:
    return int(Decimal((await desk.account(2022))["energy_t"]) * 10**9)


async def facts(desk: Any) -> dict[str, str]:
    rows = await desk.app.state.pool.fetch("select event_id, state from fact")
    return {row[0]: row[1] for row in rows}


async def outcome(desk: Any, batches: Sequence[Sequence[dict[str, Any]]]) -> tuple[Any, ...]:
    """Post batch by batch from nothing; what came out, and proof that the books agree."""
    await desk.forget()
    for batch in batches:
        await desk.post(*batch)
    assert await desk.audit() == []
    assert await desk.refusals() == {}
    assert await desk.parked() == {}
    months = await desk.app.state.pool.fetch(
        "select month, sum(amount_mg), sum(quantity), category, quality from ledger_entry "
        "group by month, category, quality "
        "having sum(case when reverses is null then 1 else -1 end) > 0 order by 1, 4, 5"
    )
    standing = await desk.app.state.pool.fetch(
        "select event_id from fact where state = 'posted' order by event_id"
    )
    return [tuple(row) for row in months], [row[0] for row in standing]


@st.composite
def shuffled(draw: st.DrawFn, events: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Any order, some repeated, cut into batches."""
    repeated = draw(st.lists(st.sampled_from(events), max_size=3))
    order = draw(st.permutations([*events, *repeated]))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=4)))
    return [list(order[a:b]) for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True) if b > a]


QUALITY = st.sampled_from(["actual", "estimated", "substituted"])


@st.composite
def interval_events(draw: st.DrawFn, make: Any) -> list[dict[str, Any]]:
    """Up to three variants of each of three intervals, some replaced by others of the interval."""
    events: list[dict[str, Any]] = []
    for n, start in enumerate([0, 5, 24 * 30 + 20]):
        ids: list[str] = []
        for k in range(draw(st.integers(1, 3))):
            free = [id for id in ids if id not in {e["data"].get("replaces") for e in events}]
            target = draw(st.none() | st.sampled_from(free)) if free else None
            more = {"replaces": target} if target else {}
            span = (
                (MARCH.format(1, start), hour(start + 3))
                if n < 2
                else (hour(24 * 30 + 20), "2022-04-01T03:00:00+08:00")
            )
            events.append(
                make(
                    f"{n}{k}", *span, str(draw(st.integers(1, 99))), quality=draw(QUALITY),
                    time=hour(draw(st.integers(1, 4))), **more,
                )
            )  # fmt: skip
            ids.append(f"{n}{k}")
    return events
