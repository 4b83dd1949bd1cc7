"""A batch of states in, label changes out: whatever the order, once each."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.grading import handler
from services.grading.domain.benchmarks import Benchmark, Shelf
from services.grading.domain.grades import current, months_after
from services.grading.domain.rulebook import Rulebook
from services.grading.store.held import AccountState, Held, Rows
from shared.events.envelope import Event, Outgoing, decode, encode
from shared.events.types import AgriAccount, IndustrialAccount, LabelChanged
from shared.stream.service import Account, Batch
from shared.units.calendar import CITY

ID = "91330800704206161W"
Enterprise = Callable[..., IndustrialAccount]
Farm = Callable[..., AgriAccount]
SUBJECT = f"industrial:{ID}"
NOW = datetime(2021, 6, 15, tzinfo=UTC)


class Grading:
    """The service's decisions over batches, with a dictionary for a database."""

    def __init__(self, rules: Rulebook, benchmarks: Sequence[Benchmark]) -> None:
        self.decide = handler.decide_by(rules, CITY)
        self.held = Held(benchmarks=tuple(benchmarks))
        self.accounts: dict[str, Account] = {}
        self.rows = Rows()
        self.sent: list[Outgoing] = []

    def post(self, events: Sequence[Event], now: datetime = NOW) -> list[LabelChanged]:
        for event in events:
            subject = handler.subject_of(event)
            self.accounts.setdefault(subject, Account(len(self.accounts), subject, 1, 0, 0))
        decision = self.decide(Batch(events, self.accounts, now), self.held)
        self._keep(decision.rows)
        self.sent += decision.outgoing
        return [o.data for o in decision.outgoing if isinstance(o.data, LabelChanged)]

    def _keep(self, rows: Rows) -> None:
        subjects = {account.number: subject for subject, account in self.accounts.items()}
        for number, state in rows.states:
            self.held.states.setdefault(subjects[number], {})[state.year] = state
        for row in rows.labels:
            self.held.labels.setdefault(subjects[row.account], {})[row.label.year] = row.label


def event(state: AccountState, id: str = ID) -> Event:
    kind = "industrial" if isinstance(state, IndustrialAccount) else "agri"
    name = f"{kind}-{id}-{state.year}-{state.epoch}-{state.sequence}".encode()
    type = f"cn.tanzhang.{kind}.account.v1"
    return Event(type, f"urn:{kind}", "", id, None, state, name, name, b"")


def labels(grading: Grading) -> dict[tuple[str, int], tuple[str, Any]]:
    return {
        (subject, year): (label.grade.label, label.grade.ratio)
        for subject, years in grading.held.labels.items()
        for year, label in years.items()
    }


def dimensions(grading: Grading) -> dict[int, dict[str, str]]:
    return {year: x.grade.dimensions for year, x in grading.held.labels[SUBJECT].items()}


def test_the_first_label_is_a_change(
    rules: Rulebook, benchmark: Benchmark, enterprise: Enterprise
) -> None:
    grading = Grading(rules, [benchmark])
    [change] = grading.post([event(enterprise())])
    assert (change.label, change.previous, change.sequence) == ("light_green", None, 1)
    assert change.ratio == Decimal("0.919914")
    assert change.benchmark_version == "1495/xylitol/2020#1"
    assert change.rule_version.startswith("labels@")
    assert change.policy["rate_bp"] == "-25"
    assert change.current.year == 2020 and change.current.label == "light_green"
    assert change.valid_until == datetime(2022, 6, 15, tzinfo=UTC)
    [sent] = grading.sent
    assert (sent.subject, sent.topic) == (SUBJECT, "label-changes")


def test_other_figures_under_the_same_label_are_kept_and_not_announced(
    rules: Rulebook, benchmark: Benchmark, enterprise: Enterprise
) -> None:
    grading = Grading(rules, [benchmark])
    grading.post([event(enterprise(total_t=Decimal("14150.75")))])
    later = NOW + timedelta(days=30)
    assert grading.post([event(enterprise(sequence=2))], later) == []
    label = grading.held.labels[SUBJECT][2020]
    assert label.grade.ratio is not None and label.decided_at == NOW
    assert f"{float(label.grade.ratio):.3f}" == "0.920"


def test_a_change_names_the_label_before_it(
    rules: Rulebook, benchmark: Benchmark, enterprise: Enterprise
) -> None:
    grading = Grading(rules, [benchmark])
    grading.post([event(enterprise(months_energy=3))])
    [change] = grading.post([event(enterprise(sequence=2))])
    assert (change.previous, change.label, change.sequence) == ("ungraded", "light_green", 2)


def test_an_older_or_repeated_state_changes_nothing(
    rules: Rulebook, benchmark: Benchmark, enterprise: Enterprise
) -> None:
    grading = Grading(rules, [benchmark])
    grading.post([event(enterprise(epoch=2, sequence=5))])
    red = {"total_t": Decimal(99999)}
    for epoch, sequence in ((2, 5), (2, 4), (1, 99)):
        assert grading.post([event(enterprise(epoch=epoch, sequence=sequence, **red))]) == []
    assert grading.held.labels[SUBJECT][2020].grade.label == "light_green"


def test_a_newer_state_that_says_the_same_renews_nothing_and_ends_no_suspension(
    rules: Rulebook, benchmark: Benchmark, enterprise: Enterprise
) -> None:
    grading, later = Grading(rules, [benchmark]), NOW + timedelta(days=400)
    grading.post([event(enterprise(sequence=4))])
    held = grading.held.labels[SUBJECT]
    held[2020] = replace(held[2020], suspended=True)
    # As a rebuild or a corrected name of the enterprise sends it.
    assert grading.post([event(enterprise(epoch=2, sequence=1))], later) == []
    label = grading.held.labels[SUBJECT][2020]
    assert label.expired(later) and label.suspended and label.cause.startswith("same_data:")
    assert grading.held.states[SUBJECT][2020].epoch == 2
    moved = enterprise(epoch=2, sequence=2, total_t=Decimal(13875))
    again = enterprise(epoch=2, sequence=3, total_t=Decimal(13875))
    [change] = grading.post([event(moved), event(again)], later)
    assert (change.previous, change.label) == ("light_green", "light_green")
    label = grading.held.labels[SUBJECT][2020]
    assert not label.expired(later) and not label.suspended and label.cause.startswith("event:")


def test_to_be_told_which_months_are_covered_is_no_new_data(
    rules: Rulebook, benchmark: Benchmark, enterprise: Enterprise
) -> None:
    grading, later = Grading(rules, [benchmark]), NOW + timedelta(days=400)
    grading.post([event(enterprise())])
    told = {"energy_covered": list(range(1, 13)), "output_covered": list(range(1, 13))}
    assert grading.post([event(enterprise(sequence=2, **told))], later) == []
    assert grading.held.labels[SUBJECT][2020].expired(later)
    less = told | {"energy_covered": list(range(2, 13))}
    assert len(grading.post([event(enterprise(sequence=3, **less))], later)) == 1


def test_current_is_the_latest_graded_year(
    rules: Rulebook, benchmark: Benchmark, enterprise: Enterprise
) -> None:
    grading = Grading(rules, [benchmark])
    grading.post([event(enterprise(sequence=3))])
    [change] = grading.post([event(enterprise(year=2021, sequence=4, output=Decimal(0)))])
    assert (change.year, change.label) == (2021, "ungraded")
    assert (change.current.year, change.current.label) == (2020, "light_green")
    standing = current(grading.held.labels[SUBJECT])
    assert standing is not None and standing.year == 2020


def test_a_state_moves_the_history_of_the_year_after_it(
    rules: Rulebook, benchmark: Benchmark, enterprise: Enterprise
) -> None:
    grading = Grading(rules, [replace(benchmark, year=2019)])
    grading.post([event(enterprise(sequence=1))])
    assert grading.held.labels[SUBJECT][2020].grade.dimensions["history"] == "unknown"
    grading.post([event(enterprise(year=2019, sequence=2, total_t=Decimal(20000)))])
    assert grading.held.labels[SUBJECT][2020].grade.dimensions["history"] == "deep_green"


def test_a_farm_and_an_enterprise_with_one_id_are_two_accounts(
    rules: Rulebook, benchmark: Benchmark, enterprise: Enterprise, farm: Farm
) -> None:
    grading = Grading(rules, [benchmark])
    changes = grading.post([event(enterprise()), event(farm())])
    assert {change.label for change in changes} == {"light_green", "medium_green"}
    assert set(grading.held.labels) == {SUBJECT, f"agri:{ID}"}


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[tuple[int, int, int, int]], list[int]]:
    """States as (epoch, sequence, year, total) and an order with repetitions, in batches."""
    orders = st.lists(
        st.tuples(st.integers(1, 2), st.integers(1, 30)), min_size=1, max_size=12, unique=True
    )
    states = [
        (epoch, sequence, draw(st.sampled_from([2019, 2020])), draw(st.integers(5000, 30000)))
        for epoch, sequence in draw(orders)
    ]
    repeated = states + draw(st.lists(st.sampled_from(states), max_size=5))
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=6))
    return draw(st.permutations(repeated)), sizes


@given(arrivals())
def test_the_labels_never_depend_on_order_repetition_or_batches(
    rules: Rulebook,
    benchmark: Benchmark,
    enterprise: Callable[..., AccountState],
    arrived: tuple[list[tuple[int, int, int, int]], list[int]],
) -> None:
    shuffled, sizes = arrived
    early = replace(benchmark, year=2019)
    grading, straight = Grading(rules, [early]), Grading(rules, [early])
    events = [
        event(enterprise(epoch=e, sequence=s, year=y, total_t=Decimal(t)))
        for e, s, y, t in shuffled
    ]
    in_order = [
        event(enterprise(epoch=e, sequence=s, year=y, total_t=Decimal(t)))
        for e, s, y, t in sorted(shuffled)
    ]
    at = turn = 0
    while at < len(events):
        size = sizes[turn % len(sizes)]
        grading.post(events[at : at + size])
        at, turn = at + size, turn + 1
    straight.post(in_order)
    assert labels(grading) == labels(straight)
    assert dimensions(grading) == dimensions(straight)
    announced = [o.data for o in grading.sent if isinstance(o.data, LabelChanged)]
    assert [a.sequence for a in announced] == list(range(1, len(announced) + 1))
    by_year: dict[int, str | None] = {}
    for change in announced:
        assert change.previous == by_year.get(change.year) and change.label != change.previous
        by_year[change.year] = change.label
    assert by_year == {year: label for (_, year), (label, _) in labels(grading).items()}


def test_the_announcement_can_be_read_by_consumers(
    rules: Rulebook, benchmark: Benchmark, enterprise: Enterprise
) -> None:
    grading = Grading(rules, [benchmark])
    grading.post([event(enterprise())])
    read = decode(encode(grading.sent[0]), strict=False)
    assert read.data == grading.sent[0].data


def test_the_latest_benchmark_up_to_the_year_holds_and_posted_ones_go_first(
    benchmark: Benchmark,
) -> None:
    later = replace(benchmark, year=2022)
    sample = replace(benchmark, year=2021, version="sample")
    shelf = Shelf((later, benchmark), (sample,))
    found = {year: shelf.find("1495", "xylitol", year) for year in (2019, 2020, 2021, 2022, 2030)}
    assert found == {2019: None, 2020: benchmark, 2021: benchmark, 2022: later, 2030: later}
    assert Shelf((), (sample,)).find("1495", "xylitol", 2021) == sample
    assert shelf.find("1495", "maltitol", 2021) is None


@pytest.mark.parametrize(
    ("at", "after"),
    [
        ("2024-02-29T00:00+00:00", "2025-02-28T00:00+00:00"),
        ("2024-12-01T00:00+00:00", "2025-12-01T00:00+00:00"),
        # In the city it is the first of March already, and the next year has a leap day.
        ("2023-02-28T20:00+00:00", "2024-02-29T20:00+00:00"),
    ],
)
def test_twelve_months_after_are_those_of_the_city(at: str, after: str) -> None:
    found = months_after(datetime.fromisoformat(at), 12, CITY)
    assert found == datetime.fromisoformat(after)
