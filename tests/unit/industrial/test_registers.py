"""Counters: uses between readings, splits, rollovers."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.industrial.domain.facts import Fact, Refused
from services.industrial.domain.metering import Metering
from services.industrial.domain.registers import RegisterSlot
from services.industrial.domain.registry import Enterprise, Meter
from shared.units.calendar import CITY

START = datetime(2022, 3, 1, tzinfo=UTC)
ENTERPRISE = [Enterprise("E", "n", "1495", "d", "zhejiang", "p", "t")]


def reading(at: int, value: str, quality: str = "actual") -> Fact:
    return Fact(
        account=1,
        key=f"{at}/{value}".encode(),
        content=b"",
        source="urn:test",
        id=f"{at}/{value}",
        kind="reading",
        slot="meter:r",
        starts=None,
        ends=START + timedelta(hours=at),
        time=START,
        quality=quality,
        value=Decimal(value),
        unit="kWh",
    )


def slot_of(*versions: Meter) -> RegisterSlot:
    return RegisterSlot(Metering(versions, ENTERPRISE, CITY).usage)


def meter(**more: object) -> Meter:
    return Meter("r", "E", "electricity", "kWh", "register", **more)  # type: ignore[arg-type]


def uses(slot: RegisterSlot, readings: Sequence[Fact]) -> dict[str, Decimal]:
    """What each reading posts in the end, by its id."""
    found: dict[str, Decimal] = {}
    for fact in readings:
        change = slot.place(fact, None)
        for ended in [*change.ended, *change.dropped]:
            found.pop(ended.id, None)
        for posting in change.posted:
            found[posting.fact.id] = sum((p.quantity for p in posting.pieces), Decimal(0))
    return found


def test_the_first_reading_posts_nothing_and_one_between_splits() -> None:
    first, last, between = reading(0, "10"), reading(8, "30"), reading(4, "15")
    slot = slot_of(meter())
    assert uses(slot, [first, last]) == {last.id: 20}
    assert uses(slot, [between]) == {between.id: 5, last.id: 15}


def test_a_new_first_reading_leaves_the_others_as_they_are() -> None:
    slot = slot_of(meter())
    uses(slot, [reading(7, "70"), reading(14, "140")])
    change = slot.place(reading(0, "0"), None)
    assert change.ended == []
    assert [posting.fact.id for posting in change.posted] == ["7/70"]


@pytest.mark.parametrize(
    ("top", "values", "use"),
    [("1000", ("990", "15"), 25), ("1000", ("15", "990"), 975), ("1000", ("200", "100"), 900)],
)
def test_a_rollover_adds_the_range(top: str, values: tuple[str, str], use: int) -> None:
    before, after = reading(0, values[0]), reading(1, values[1])
    slot = slot_of(meter(register_max=Decimal(top)))
    assert uses(slot, [before, after]) == {after.id: use}


@pytest.mark.parametrize("top", [None, "1000"])
def test_a_counter_that_runs_backwards_is_refused_and_changes_nothing(top: str | None) -> None:
    slot = slot_of(meter(register_max=None if top is None else Decimal(top)))
    uses(slot, [reading(0, "500"), reading(2, "600")])
    before = list(slot.standing)
    for value in ("490", "650"):
        with pytest.raises(Refused) as refused:
            slot.place(reading(1, value), None)
        assert refused.value.reason == "register_backwards"
    assert slot.standing == before


def test_a_use_takes_the_meter_version_and_the_worse_quality_of_its_time() -> None:
    first, last = reading(0, "0", "estimated"), reading(24, "10")
    changed = meter(multiplier=Decimal(5), valid_from=date(2022, 3, 2))
    slot = slot_of(meter(multiplier=Decimal(2)), changed)
    slot.place(first, None)
    [posting] = slot.place(last, None).posted
    assert posting.quality == "estimated"
    # 16 of 24 hours at 2, then 8 at 5.
    assert [round(piece.quantity, 9) for piece in posting.pieces] == [
        Decimal("13.333333333"), Decimal("16.666666667"),
    ]  # fmt: skip
    assert sum(piece.quantity for piece in posting.pieces) == 30


@given(
    st.lists(st.integers(0, 500), min_size=2, max_size=8, unique=True).flatmap(
        lambda hours: st.tuples(st.just(sorted(hours)), st.permutations(hours))
    )
)
def test_any_order_gives_the_same_uses(case: tuple[list[int], list[int]]) -> None:
    in_order, shuffled = case
    found = uses(slot_of(meter()), [reading(at, str(at * 3)) for at in shuffled])
    assert found == {f"{b}/{b * 3}": (b - a) * 3 for a, b in pairwise(in_order)}
