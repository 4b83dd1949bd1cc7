"""Which interval stands: quality, then the later event; what was replaced stays beaten."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from services.industrial.domain.facts import Fact, Refused, claim_of
from services.industrial.domain.intervals import IntervalSlot

START = datetime(2022, 3, 1, tzinfo=UTC)


def fact(id: str, first: int, last: int, quality: str = "actual", time: int = 0) -> Fact:
    """A reading of the hours [first, last)."""
    return Fact(
        account=1,
        key=id.encode(),
        content=b"",
        source="urn:test",
        id=id,
        kind="reading",
        slot="meter:m",
        starts=START + timedelta(hours=first),
        ends=START + timedelta(hours=last),
        time=START + timedelta(hours=time),
        quality=quality,
        value=Decimal(1),
        unit="kWh",
    )


def test_a_better_quality_beats_a_later_time() -> None:
    slot = IntervalSlot(ranked=True)
    estimated, actual = fact("a", 0, 1, "estimated", time=9), fact("b", 0, 1)
    assert slot.place(estimated, None).stands
    assert slot.place(actual, None).dropped == [estimated]
    assert (estimated.state, estimated.superseded_by) == ("superseded", b"b")


def test_the_greater_key_decides_between_equals() -> None:
    slot = IntervalSlot(ranked=True)
    assert slot.place(fact("b", 0, 1), None).stands
    assert not slot.place(fact("a", 0, 1), None).stands
    assert slot.place(fact("c", 0, 1), None).stands


def test_a_reading_without_time_is_the_oldest() -> None:
    early = fact("z", 0, 1)
    early.time = None
    assert claim_of(early) < claim_of(fact("a", 0, 1))


def test_a_replacement_keeps_the_claim_of_what_it_replaces() -> None:
    slot = IntervalSlot(ranked=True)
    target = fact("a", 0, 1, "actual", time=5)
    slot.place(target, None)
    correction = fact("b", 0, 1, "estimated")
    assert slot.place(correction, target).stands
    assert not slot.place(fact("c", 0, 1, "substituted"), None).stands
    assert (target.state, target.replaced_by) == ("replaced", b"b")


def test_what_a_moved_reading_had_beaten_stays_beaten() -> None:
    slot = IntervalSlot(ranked=True)
    beaten, target = fact("a", 0, 2, "estimated"), fact("b", 0, 2)
    slot.place(beaten, None)
    slot.place(target, None)
    assert slot.place(fact("c", 0, 1), target).stands
    assert beaten.state == "superseded"
    assert slot.place(fact("d", 1, 2), None).stands


@pytest.mark.parametrize("span", [(0, 1), (3, 5), (0, 9), (2, 4), (1, 3)])
def test_overlaps_are_refused_and_change_nothing(span: tuple[int, int]) -> None:
    slot = IntervalSlot(ranked=True)
    for n, hours in enumerate([(0, 2), (2, 3), (4, 5)]):
        slot.place(fact(str(n), *hours), None)
    before = list(slot.standing)
    with pytest.raises(Refused) as refused:
        slot.place(fact("new", *span), None)
    assert refused.value.reason == "overlapping_interval"
    assert "'new'" in refused.value.detail
    assert slot.standing == before


def test_what_was_replaced_already_overlaps_nothing() -> None:
    slot = IntervalSlot(ranked=True)
    slot.place(fact("a", 0, 1), None)
    late = fact("b", 0, 2)
    late.state, late.replaced_by = "replaced", b"c"
    change = slot.place(late, None)
    assert (change.stands, change.dropped) == (False, [])
    assert slot.place(fact("c", 1, 2), late).stands


def test_a_report_may_not_repeat_an_interval_unless_it_replaces() -> None:
    slot = IntervalSlot(ranked=False)
    first = fact("a", 0, 1)
    slot.place(first, None)
    with pytest.raises(Refused):
        slot.place(fact("b", 0, 1), None)
    assert slot.place(fact("c", 0, 2), first).stands
    assert first.state == "replaced"
