"""A parcel's carbon is counted once."""

from typing import Any

import pytest

from shared.events.envelope import Event
from shared.events.types import FarmRecord
from tests.unit.agri.farm import Farm, manure, soil, straw

NEXT = {"start": "2021-01-01", "end": "2022-01-01"}


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (straw("one", "1000"), soil("two"), "parcel_exclusive"),
        (soil("one"), straw("two", "1000"), "parcel_exclusive"),
        (soil("one"), soil("two"), "already_claimed"),
        (straw("one", "1000", "10"), straw("two", "1000", "11"), "area_differs"),
        (manure("one"), manure("two", start="2020-12-31"), "overlapping_period"),
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_the_second_claim_is_refused(
    first: Event, second: Event, reason: str, together: bool
) -> None:
    farm, alone = Farm(), Farm()
    alone.post([first])
    batches = [[first, second]] if together else [[first], [second]]
    [refusal] = [refusal for batch in batches for refusal in farm.post(batch).refused]
    assert refusal.event is second
    assert refusal.reason == reason
    assert "bureau one" in refusal.detail and "bureau two" in refusal.detail
    assert farm.totals() == alone.totals()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (straw("one", "1000"), soil("two", parcel_id="p2")),
        (straw("one", "1000"), soil("two", **NEXT)),
        (soil("one"), soil("two", **NEXT)),
        (straw("one", "1000", "10"), straw("two", "1000", "10.00")),
        (straw("one", "1000"), manure("two")),
        (manure("one", end="2020-07-01"), manure("two", start="2020-07-01")),
        (manure("one"), manure("two", parcel_id="p2")),
    ],
)
def test_claims_that_stand_together(first: Event, second: Event) -> None:
    farm = Farm()
    decision = farm.post([first, second])
    assert not decision.refused
    assert len(farm.book.facts) == 2


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (straw("one", "1000"), soil("two", replaces="one")),
        (soil("one"), soil("two", "50", replaces="one")),
        (straw("one", "1000", "10"), straw("two", "1000", "11", replaces="one")),
        (manure("one"), manure("two", "100", replaces="one")),
    ],
)
def test_a_replacement_frees_the_claim(first: Event, second: Event) -> None:
    farm, alone = Farm(), Farm()
    assert not farm.post([first]).refused
    assert not farm.post([second]).refused
    alone.post([second, first])
    assert farm.totals() == alone.totals()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (straw("one", "0"), soil("two")),
        (soil("one"), straw("two", "0")),
        (straw("one", "0", "10"), straw("two", "1000", "11")),
        (straw("one", "1000", "10"), straw("two", "0", "11")),
        (manure("one", "0"), manure("two")),
        (manure("one"), manure("two", "0")),
    ],
)
def test_no_straw_and_no_heads_claim_nothing(first: Event, second: Event) -> None:
    farm, other_way, only = Farm(), Farm(), Farm()
    assert not farm.post([first, second]).refused
    assert not other_way.post([second, first]).refused
    only.post([max((first, second), key=amount)])
    assert farm.totals() == other_way.totals() == only.totals()


def amount(event: Event) -> float:
    record = event.data
    assert isinstance(record, FarmRecord)
    return float(record.straw_kg_per_ha or record.heads or record.input_after is not None)


def test_the_area_of_a_parcel_with_two_returns_can_be_corrected() -> None:
    """One is emptied, the other corrected, then the first."""
    farm, right = Farm(), Farm()
    farm.post([straw("a", "1000", "10"), straw("b", "500", "10")])
    for event in (
        straw("a0", "0", "11", replaces="a"),
        straw("b1", "500", "11", replaces="b"),
        straw("a1", "1000", "11", replaces="a0"),
    ):
        assert not farm.post([event]).refused
    right.post([straw("r", "1500", "11")])
    assert farm.totals() == right.totals()


def change(id: str, year: int, since: int = 2000, **more: Any) -> Event:
    return soil(id, start=f"{year}-01-01", end=f"{year + 1}-01-01", since=since, **more)


@pytest.mark.parametrize("order", [(2000, 2020), (2020, 2000)])
@pytest.mark.parametrize("together", [True, False])
def test_a_change_has_no_twenty_first_share(order: tuple[int, int], together: bool) -> None:
    farm = Farm()
    events = [change(f"y{year}", year) for year in order]
    between = [change(f"y{year}", year) for year in range(2001, 2020)]
    assert not farm.post(between).refused
    batches = [events] if together else [[event] for event in events]
    [refusal] = [refusal for batch in batches for refusal in farm.post(batch).refused]
    assert (refusal.event, refusal.reason) == (events[1], "change_too_old")
    assert "'bureau y2000'" in refusal.detail and "'bureau y2020'" in refusal.detail
    assert "a change of 2000 counts for 20 years, 2000 or 2020" in refusal.detail
    whole = Farm()
    whole.post([soil("all")])
    assert farm.account.balance == 20 * whole.totals().soil


@pytest.mark.parametrize(
    "other",
    [
        change("two", 2020, since=2001),
        change("two", 2020, parcel_id="p2"),
        change("two", 2019),
        change("two", 2020, replaces="one"),
        change(
            "two",
            2020,
            stock_before_t_per_ha="40",
            stock_after_t_per_ha="41",
            stock_years="21",
        ),
        straw("two", "1000"),
    ],
)
def test_what_is_no_further_share_of_a_change(other: Event) -> None:
    farm = Farm()
    assert not farm.post([change("one", 2000), other]).refused


def test_biogas_of_no_heads_is_a_claim() -> None:
    farm = Farm()
    biogas = {"biogas_m3": "9", "biogas_lhv_mj_per_m3": "21", "biogas_replaces": "diesel"}
    farm.post([manure("one", "0", **biogas)])
    [refusal] = farm.post([manure("two", "0", **biogas)]).refused
    assert refusal.reason == "overlapping_period"


def test_a_parcel_is_no_other_one_by_the_spaces_around_it() -> None:
    farm = Farm()
    farm.post([straw("one", "1000")])
    for parcel in ("p1 ", "\u3000p1"):
        [refusal] = farm.post([soil("two", parcel_id=parcel)]).refused
        assert refusal.reason == "bad_value"
        assert "/data/parcel_id: expected 1 to 128 characters, no space before" in refusal.detail
