"""A parcel's carbon is counted once."""

import pytest

from shared.events.envelope import Event
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
