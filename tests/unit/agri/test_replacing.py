"""Corrections: a record replaces another as a whole, once."""

from services.agri.handler import WAITS_FOR_FARM
from shared.stream.service import waits_for_event
from tests.unit.agri.farm import FARM, Farm, soil, straw


def test_the_old_entries_are_reversed_not_changed() -> None:
    farm, right = Farm(), Farm()
    right.post([straw("new", "2000", parcel_id="p2")])
    first = farm.post([straw("old", "1000")])
    before = list(first.rows.entries)
    new = straw("new", "2000", replaces="old", parcel_id="p2")
    second = farm.post([new])
    assert farm.totals() == right.totals()
    assert [entry for entry in farm.entries() if entry in before] == before
    reversals = [entry for entry in second.rows.entries if entry.reverses]
    assert [e.reverses for e in reversals] == [e.number for e in before]
    assert [e.line.amount for e in reversals] == [-e.line.amount for e in before]
    assert {entry.cause for entry in reversals} == {new.key}
    assert second.rows.replaced == [((7, straw("old", "1000").key), new.key)]


def test_a_year_that_loses_its_record_is_announced_too() -> None:
    farm = Farm()
    farm.post([soil("old", start="2019-01-01", end="2020-01-01")])
    decision = farm.post([soil("new", replaces="old")])
    assert [event.data.year for event in decision.outgoing] == [2019, 2020]  # type: ignore[attr-defined]
    assert farm.totals(2019).soil == 0 < farm.totals(2020).soil
    assert farm.account.balance == farm.totals(2020).soil


def test_it_waits_for_an_unknown_record() -> None:
    farm, in_order = Farm(), Farm()
    old, new = straw("old", "1000"), straw("new", "2000", replaces="old")
    decision = farm.post([new])
    assert [p.waits_for for p in decision.parked] == [waits_for_event(old.key)]
    assert not farm.entries() and not decision.outgoing
    farm.post([old])
    in_order.post([old])
    in_order.post([new])
    assert farm.totals() == in_order.totals()
    assert not farm.waiting


def test_chains_in_one_batch_in_any_order() -> None:
    farm = Farm()
    last = straw("c", "3000", replaces="b")
    decision = farm.post([last, straw("b", "2000", replaces="a"), straw("a", "1000")])
    assert not decision.refused and not decision.parked
    alone = Farm()
    alone.post([straw("c", "3000")])
    assert farm.totals() == alone.totals()


def test_a_record_is_replaced_once() -> None:
    farm = Farm()
    farm.post([straw("a", "1000"), straw("b", "2000", replaces="a")])
    [refusal] = farm.post([straw("c", "3000", replaces="a")]).refused
    assert refusal.reason == "already_replaced"
    assert "bureau a" in refusal.detail and "bureau b" in refusal.detail


def test_a_refused_replacement_leaves_the_old_record() -> None:
    farm = Farm()
    farm.post([straw("a", "1000"), soil("s", parcel_id="p2")])
    before = farm.totals()
    [refusal] = farm.post([straw("b", "2000", replaces="a", parcel_id="p2")]).refused
    assert refusal.reason == "parcel_exclusive"
    assert farm.totals() == before and not farm.book.replaced_by


def test_an_unregistered_farm_waits() -> None:
    farm = Farm()
    decision = farm.post([straw("a", "1000")], registered=False)
    assert [p.waits_for for p in decision.parked] == [WAITS_FOR_FARM]
    assert not farm.entries()
    farm.post([])
    assert farm.totals().straw > 0


def test_states_count_up_and_entries_carry_their_sequence() -> None:
    farm = Farm()
    first = farm.post([straw("a", "1000"), soil("b", start="2019-01-01", end="2020-01-01")])
    second = farm.post([straw("c", "500")])
    states = [*first.outgoing, *second.outgoing]
    assert [(e.data.year, e.data.sequence) for e in states] == [(2019, 1), (2020, 2), (2020, 3)]  # type: ignore[attr-defined]
    assert {e.subject for e in states} == {FARM}
    assert len({e.id for e in states}) == 3
    assert {(e.year, e.sequence) for e in farm.entries()} == {(2019, 1), (2020, 2), (2020, 3)}


def test_months_share_the_once_rounded_amount() -> None:
    farm = Farm()
    farm.post([straw("a", "1920", "0.0001", start="2020-01-15", end="2020-03-10")])
    entries = farm.entries()
    assert [entry.line.month.month for entry in entries] == [1, 2, 3]
    assert sum(entry.line.amount for entry in entries) == 168194
