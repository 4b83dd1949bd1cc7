"""The regional dimension: against a mean that is taken once, whatever order accounts come in."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.grading import handler
from services.grading.domain.benchmarks import Benchmark
from services.grading.domain.city import CityMean
from services.grading.domain.grades import CITY_MEAN, Cause
from services.grading.domain.rulebook import Rulebook
from services.grading.store.held import AccountState, Held
from shared.events.envelope import Event
from shared.events.types import IndustrialAccount
from shared.stream.service import Account, Batch
from shared.units.calendar import CITY

NOW = datetime(2021, 6, 15, tzinfo=UTC)
Enterprise = Callable[..., IndustrialAccount]
# Enterprise, sequence, total and value added of 2020.
Arrival = tuple[int, int, int, int]


@pytest.fixture(scope="module")
def stepping(editions: Callable[..., Rulebook]) -> Rulebook:
    return editions([("overall: first_dimension", "overall: step")])


class City:
    """Accounts graded as they come, and against the city's mean whenever it is taken."""

    def __init__(self, rules: Rulebook, benchmark: Benchmark) -> None:
        self.rules, self.held = rules, Held(benchmarks=(benchmark,))
        self.decide = handler.decide_by(rules, CITY)
        self.accounts = {
            f"industrial:{n}": Account(n, f"industrial:{n}", 1, 0, 0) for n in range(8)
        }

    def post(self, events: Iterable[Event]) -> None:
        rows = self.decide(Batch(list(events), self.accounts, NOW), self.held).rows
        for number, state in rows.states:
            self.held.states.setdefault(f"industrial:{number}", {})[state.year] = state
        self._keep((row.account, row.label.year, row.label) for row in rows.labels)

    def take(self) -> None:
        """As the clock takes it, in sums of what is stored."""
        declared = [
            state
            for years in self.held.states.values()
            for state in years.values()
            if isinstance(state, IndustrialAccount) and state.value_added_1e4cny > 0
        ]
        known = self.held.city.get(2020)
        self.held.city[2020] = CityMean(
            2020,
            known.version + 1 if known else 1,
            len(declared),
            sum((state.total_t for state in declared), Decimal(0)),
            sum((state.value_added_1e4cny for state in declared), Decimal(0)),
            NOW,
        )
        causes = {subject: {2020: Cause(CITY_MEAN, "2020")} for subject in self.held.states}
        regraded = handler.regrade(self.accounts, self.held, causes, NOW, self.rules, CITY)
        self._keep((row.account, row.label.year, row.label) for row in regraded.labels)

    def _keep(self, labels: Iterable[tuple[int, int, object]]) -> None:
        for account, year, label in labels:
            self.held.labels.setdefault(f"industrial:{account}", {})[year] = label  # type: ignore[assignment]

    def figures(self) -> dict[str, tuple[str, str, object]]:
        return {
            subject: (x.grade.label, x.grade.dimensions["regional"], x.grade.ratio)
            for subject, years in self.held.labels.items()
            for x in years.values()
        }


def events_of(enterprise: Callable[..., AccountState], arrived: Iterable[Arrival]) -> list[Event]:
    events = []
    for number, sequence, total, added in arrived:
        state = enterprise(
            sequence=sequence, total_t=Decimal(total), value_added_1e4cny=Decimal(added)
        )
        key = f"{number}-{sequence}".encode()
        type = "cn.tanzhang.industrial.account.v1"
        events.append(Event(type, "urn:x", "", str(number), None, state, key, key, b""))
    return events


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[Arrival], list[Arrival], list[int], int]:
    """States in one order and in another with repetitions, its batches, and a moment to take."""
    names = st.tuples(st.integers(0, 7), st.integers(1, 3))
    named = draw(st.lists(names, min_size=1, max_size=14, unique=True))
    figures = st.tuples(st.integers(2000, 30000), st.sampled_from([0, 100, 1000, 9000]))
    states = [(*name, *draw(figures)) for name in named]
    repeated = states + draw(st.lists(st.sampled_from(states), max_size=4))
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=6))
    return states, draw(st.permutations(repeated)), sizes, draw(st.integers(0, len(repeated)))


@settings(max_examples=60)
@given(arrivals())
def test_no_order_of_arrival_and_no_moment_of_taking_shows_in_the_labels(
    stepping: Rulebook,
    benchmark: Benchmark,
    enterprise: Callable[..., AccountState],
    arrived: tuple[list[Arrival], list[Arrival], list[int], int],
) -> None:
    states, shuffled, sizes, taken_at = arrived
    straight, other = City(stepping, benchmark), City(stepping, benchmark)
    straight.post(events_of(enterprise, sorted(states)))
    events = events_of(enterprise, shuffled)
    at = turn = 0
    while at < len(events):
        size = sizes[turn % len(sizes)]
        other.post(events[at : at + size])
        if at <= taken_at < at + size:
            other.take()
        at, turn = at + size, turn + 1
    straight.take()
    other.take()
    assert straight.figures() == other.figures()


def test_until_a_mean_is_taken_the_region_is_unknown_and_moves_nothing(
    stepping: Rulebook, benchmark: Benchmark, enterprise: Enterprise
) -> None:
    city = City(stepping, benchmark)
    rich = [(n, 1, 13875, 1000 if n else 9000) for n in range(6)]
    city.post(events_of(enterprise, rich))
    assert {found[:2] for found in city.figures().values()} == {("light_green", "unknown")}
    city.take()
    # Nothing is known of the years before, so that no label has both dimensions in one colour.
    assert city.figures()["industrial:0"][:2] == ("light_green", "deep_green")
    assert city.figures()["industrial:1"][:2] == ("light_green", "red")


@pytest.mark.parametrize(
    ("added", "before", "label", "said"),
    [
        (9000, "20000", "deep_green", "one step up"),
        (100, "13000", "yellow", "one step down"),
        (9000, "13000", "light_green", None),
    ],
)
def test_where_the_rule_says_step_both_other_dimensions_move_the_label(
    stepping: Rulebook,
    benchmark: Benchmark,
    enterprise: Enterprise,
    added: int,
    before: str,
    label: str,
    said: str | None,
) -> None:
    held = Held(
        benchmarks=(replace(benchmark, year=2019),),
        city={2020: CityMean(2020, 1, 9, Decimal(13875), Decimal(1000), NOW)},
    )
    states: dict[int, AccountState] = {
        2019: enterprise(year=2019, total_t=Decimal(before)),
        2020: enterprise(value_added_1e4cny=Decimal(added)),
    }
    grade = handler.grade_state(states, 2020, held, NOW, stepping, CITY)
    assert grade.label == label and grade.dimensions["sector"] == "light_green"
    assert (said is None) == ("one step" not in grade.reason["en"])
    assert said is None or (said in grade.reason["en"] and "调一级" in grade.reason["zh"])
    assert grade.city == held.city[2020]
