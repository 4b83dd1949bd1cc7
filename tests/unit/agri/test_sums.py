"""What holds of every ledger: parts sum to wholes, and what is taken back leaves nothing."""

from collections import defaultdict

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from services.agri.domain.account import Totals
from services.agri.domain.posting import group_of, targets
from services.agri.domain.records import Fact
from shared.events.envelope import Event
from tests.unit.agri.farm import Farm, emission, manure, record, soil, straw

AMOUNTS = st.decimals("0", "900", places=3).map(str)
NOTHING = {
    "straw_return": {"straw_kg_per_ha": "0"},
    "soil_carbon": {"tillage_after": "full", "input_after": "medium"},
    "manure_utilisation": {"heads": "0"},
    "emission": {"quantity": "0"},
}


@st.composite
def records(draw: st.DrawFn) -> list[Event]:
    """One of each pathway on parcels of their own, over some days of the year."""
    month = draw(st.integers(1, 12))
    days = {"start": f"2020-{month:02}-05"}
    burnt = draw(st.sampled_from([{}, {"crop": "rice", "burnt_before": "0.4"}]))
    return [
        straw("s", draw(AMOUNTS), "31.7", **burnt),
        straw("t", draw(AMOUNTS), "31.7", **days, **burnt),
        soil("c", draw(AMOUNTS.filter(lambda text: float(text) > 0)), parcel_id="p2", **days),
        manure("m", draw(AMOUNTS), parcel_id="p3", **days),
        emission("e", "fertiliser_n", draw(AMOUNTS), "t", **days),
        emission("f", "manure.growing_pig.pit_long", draw(AMOUNTS), "head", **days),
    ]


def emptied(event: Event) -> Event:
    """The record that takes another back: the same activity, come to nothing."""
    said = {
        name: value
        for name, value in event_data(event).items()
        if name not in ("replaces", "burnt_before", "crop")
    }
    change = NOTHING[said["pathway"]] | {"replaces": event.id}
    return record(f"no-{event.id}", **(said | change))


def event_data(event: Event) -> dict[str, str]:
    data: dict[str, str] = msgspec.json.decode(event.raw)["data"]
    return data


@given(records())
@settings(max_examples=60, deadline=None)
def test_months_and_terms_sum_to_what_the_records_give(events: list[Event]) -> None:
    farm = Farm()
    assert not farm.post(events).refused
    groups: dict[object, list[Fact]] = defaultdict(list)
    for fact in farm.book.facts.values():
        groups[group_of(fact)].append(fact)
    wanted = sum(
        line.amount
        for facts in groups.values()
        for lines in targets(facts).values()
        for line in lines
    )
    totals = farm.totals()
    assert sum(entry.line.amount for entry in farm.entries()) == wanted
    assert totals.neutralised + totals.gross == wanted
    assert farm.account.balance == totals.neutralised


@given(records(), st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_taken_back_leaves_nothing(events: list[Event], data: st.DataObject) -> None:
    farm = Farm()
    every = [*events, *map(emptied, events)]
    arriving = data.draw(st.permutations(every))
    while arriving:
        size = data.draw(st.integers(1, len(arriving)))
        farm.post(arriving[:size])
        arriving = arriving[size:]
    farm.post([])
    assert not farm.waiting
    assert farm.totals() == Totals() and farm.account.balance == 0


@given(st.lists(st.integers(0, 20_000), min_size=2, max_size=6), st.data())
@settings(max_examples=60, deadline=None)
def test_a_chain_of_corrections_ends_at_its_last(kg: list[int], data: st.DataObject) -> None:
    chain = [
        straw(f"r{n}", str(amount), **({"replaces": f"r{n - 1}"} if n else {}))
        for n, amount in enumerate(kg)
    ]
    farm, alone = Farm(), Farm()
    for event in data.draw(st.permutations(chain)):
        farm.post([event])
    farm.post([])
    alone.post([straw("only", str(kg[-1]))])
    assert not farm.waiting
    assert farm.totals() == alone.totals()
