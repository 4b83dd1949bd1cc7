"""Posting again: only what differs, each line with its counterpart."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.industrial.domain.books import Books
from services.industrial.domain.entries import standing
from services.industrial.domain.facts import SUPERSEDED, Fact
from services.industrial.domain.registry import Enterprise, Meter
from services.industrial.domain.restatement import (
    RESTATED,
    Restatement,
    computed,
    restate,
    totals,
)
from services.industrial.domain.state import Rows, State
from services.industrial.domain.years import Year
from shared.units.calendar import CITY

NOW = datetime(2026, 6, 1, tzinfo=UTC)
# The first interval reaches over the end of the city's year.
START = datetime(2021, 12, 31, 10, tzinfo=UTC)
REGISTRY = Enterprise("E", "n", "1495", "d", "zhejiang", "p", "t")


def reading(number: int, value: int, kind: str = "interval") -> Fact:
    starts = START + timedelta(hours=7 * number)
    return Fact(
        account=1,
        key=b"%d" % number,
        content=b"",
        source="urn:test",
        id=str(number),
        kind="reading",
        slot=f"meter:{kind}",
        starts=starts if kind == "interval" else None,
        ends=starts + timedelta(hours=7),
        time=START,
        quality="actual",
        value=Decimal(value),
        unit="kWh",
    )


def meters(multiplier: Decimal, asset: str | None = None) -> dict[str, list[Meter]]:
    return {
        kind: [
            Meter(
                kind, "E", "electricity", "kWh", kind, multiplier, asset_id=asset
            )
        ]
        for kind in ("interval", "register")
    }  # fmt: skip


def books_of(state: State) -> Books:
    numbers = iter(range(1, 1000))
    return Books(state, Rows(), NOW, lambda _: next(numbers))


def posted(facts: list[Fact], previous: dict[bytes, Fact], state: State) -> None:
    """Post facts for the first time."""
    books = books_of(state)
    for fact in facts:
        books.post(computed(fact, previous.get(fact.key), "E", state, CITY), fact)
    state.years |= {key: opened.sums for key, opened in books.years.items()}


def restated(
    facts: list[Fact], previous: dict[bytes, Fact], state: State, kept: frozenset[int] = frozenset()
) -> tuple[Restatement, Books]:
    books, done = books_of(state), Restatement("E")
    restate(facts, previous, books, done, CITY, kept)
    totals(books, done)
    state.years |= {key: opened.sums for key, opened in books.years.items()}
    return done, books


def state_with(multiplier: str, region: str = "zhejiang", asset: str | None = None) -> State:
    registered = REGISTRY._replace(grid_region=region)
    return State(
        enterprises={"E": [registered]},
        meters=meters(Decimal(multiplier), asset),
        span=(1, 9999),
    )


def said(state: State) -> list[tuple[object, ...]]:
    lines = [entry for entries in state.entries.values() for entry in standing(entries)]
    return [(e.event_key, e.month, e.quantity, e.amount_mg, e.asset_id, e.factor_id) for e in lines]


VALUES = st.lists(st.integers(0, 10**6), min_size=1, max_size=6)
REGISTRIES = st.tuples(
    st.sampled_from(["1", "40", "0.3"]),
    st.sampled_from(["zhejiang", "shanghai"]),
    st.sampled_from([None, "line-1"]),
)


@given(VALUES, VALUES, REGISTRIES, REGISTRIES)
def test_restated_is_what_would_have_been_posted(
    intervals: list[int],
    uses: list[int],
    before: tuple[str, str, str | None],
    after: tuple[str, str, str | None],
) -> None:
    registers = [reading(100 + n, sum(uses[: n + 1]), "register") for n in range(len(uses))]
    facts = [*(reading(n, value) for n, value in enumerate(intervals)), *registers[1:]]
    previous = {b.key: a for a, b in pairwise(registers)}
    state, fresh = state_with(*before), state_with(*after)
    posted(facts, previous, state)
    first = {key: sums.total_mg for key, sums in state.years.items()}
    posted(facts, previous, fresh)

    corrected = state_with(*after)
    state.enterprises, state.meters = corrected.enterprises, corrected.meters
    done, _ = restated(facts, previous, state)
    assert said(state) == said(fresh)
    for key, sums in state.years.items():
        total = sum(
            e.amount_mg for es in state.entries.values() for e in es if e.month.year == key[1]
        )
        assert sums.total_mg == total == fresh.years[key].total_mg
        assert sums.factor_sets == fresh.years[key].factor_sets
    for year, changed in done.years.items():
        assert (changed.before_mg, changed.after_mg) == (
            first[1, year], state.years[1, year].total_mg,
        )  # fmt: skip

    again, books = restated(facts, previous, state)
    assert (again.years, books.rows.entries, books.years) == ({}, [], {})


def test_each_line_is_taken_back_before_another_takes_its_place() -> None:
    fact, state = reading(0, 1000), state_with("1")
    posted([fact], {}, state)
    state.meters = meters(Decimal(2), "line-1")
    done, books = restated([fact], {}, state)
    old, new = books.rows.entries[:2], books.rows.entries[2:]
    assert [e.reverses for e in books.rows.entries] == [0, 1, None, None]
    assert {e.cause for e in books.rows.entries} == {RESTATED}
    assert {e.caused_by for e in books.rows.entries} == {fact.key}
    assert [e.line for e in books.rows.entries] == [2, 3, 4, 5]
    assert [-2 * e.quantity for e in old] == [e.quantity for e in new]
    assert {e.asset_id for e in new} == {"line-1"}
    assert set(done.years) == {2021, 2022}
    assert done.years[2022].replaced == done.years[2022].posted == {"grid@1 grid.zhejiang.2022": 1}


def test_a_year_that_is_kept_keeps_events_that_reach_into_it_as_a_whole() -> None:
    over, later, state = reading(0, 1000), reading(30, 1000), state_with("1")
    posted([over, later], {}, state)
    before = state.years[1, 2021].total_mg
    state.meters = meters(Decimal(2))
    done, _ = restated([over, later], {}, state, frozenset({2021}))
    assert (done.left, set(done.years)) == (1, {2022})
    assert state.years[1, 2021].total_mg == before


def test_what_does_not_stand_is_not_posted_again() -> None:
    fact, state = reading(0, 1000), state_with("1")
    posted([fact], {}, state)
    beaten = books_of(state)
    fact.state = SUPERSEDED
    beaten.reverse(fact, fact)
    state.meters = meters(Decimal(2))
    done, books = restated([fact], {}, state)
    assert (done.years, books.rows.entries) == ({}, [])


def test_what_cannot_be_computed_is_named_and_stays() -> None:
    fact, state = reading(0, 1000), state_with("1")
    posted([fact], {}, state)
    state.meters = {"interval": [meters(Decimal(1))["interval"][0]._replace(unit="t")]}
    done, books = restated([fact], {}, state)
    [stays] = done.unchanged
    assert (stays.source, stays.event_id, stays.reason) == ("urn:test", "0", "wrong_unit")
    assert books.rows.entries == []
    assert isinstance(state.years[1, 2021], Year)
