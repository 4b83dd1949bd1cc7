"""Neither order nor repetition nor the cut into batches changes an account."""

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events.envelope import Event
from tests.unit.agri.farm import Farm, emission, manure, soil, straw

PARCELS = ("p1", "p2")
MONTHS = st.integers(1, 11)


def instant(month: int) -> str:
    return f"2020-{month:02}-01T00:00:00Z"


@st.composite
def records(draw: st.DrawFn) -> list[Event]:
    """Records that don't exclude each other; some correct others."""
    found = []
    for n in range(draw(st.integers(1, 6))):
        month, kg = draw(MONTHS), draw(st.integers(0, 20000))
        more = {"time": instant(draw(MONTHS)), "parcel_id": draw(st.sampled_from(PARCELS))}
        found.append(straw(f"s{n}", str(kg), start=f"2020-{month:02}-01", **more))
    if draw(st.booleans()):
        found.append(straw("fix", str(draw(st.integers(0, 9000))), replaces="s0"))
        if draw(st.booleans()):
            found.append(straw("refix", str(draw(st.integers(0, 9000))), replaces="fix"))
    if draw(st.booleans()):
        found.append(soil("soil", str(draw(st.integers(1, 500))), parcel_id="p3"))
    if draw(st.booleans()):
        found.append(manure("herd", str(draw(st.integers(0, 9000)))))
        found.append(emission("fuel", "diesel", str(draw(st.integers(0, 90))), "t"))
    return found


def accounts(farm: Farm) -> dict[bytes, int]:
    return {
        key: total
        for (_, key), entries in farm.book.entries.items()
        if (total := sum(entry.line.amount for entry in entries))
    }


@given(events=records(), data=st.data())
@settings(max_examples=120, deadline=None)
def test_any_order_gives_the_same_account(events: list[Event], data: st.DataObject) -> None:
    straight, mixed = Farm(), Farm()
    straight.post(events)
    repeated = events + data.draw(st.lists(st.sampled_from(events), max_size=4))
    arriving = data.draw(st.permutations(repeated))
    while arriving:
        size = data.draw(st.integers(1, len(arriving)))
        mixed.post(arriving[:size])
        arriving = arriving[size:]
    assert mixed.totals() == straight.totals()
    assert accounts(mixed) == accounts(straight)
    assert mixed.account.balance == mixed.totals().neutralised
    assert not mixed.waiting


@given(first=st.integers(0, 30000), second=st.integers(0, 30000))
@settings(max_examples=60, deadline=None)
def test_returns_add_up_to_one_return_of_their_sum(first: int, second: int) -> None:
    split, whole = Farm(), Farm()
    split.post([straw("a", str(first)), straw("b", str(second))])
    whole.post([straw("w", str(first + second))])
    assert split.totals() == whole.totals()
