"""Benchmarks computed from the city's own enterprises, and which kind goes first."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.grading.domain import peers
from services.grading.domain.benchmarks import Benchmark, Shelf
from services.grading.domain.rulebook import Rulebook
from shared.events.types import IndustrialAccount

Enterprise = Callable[..., IndustrialAccount]
PAIRS = [("100", "1000"), ("300", "2000"), ("90", "1000"), ("600", "3000"), ("50", "500")]


def accounts(enterprise: Enterprise, pairs: list[tuple[str, str]]) -> list[IndustrialAccount]:
    return [enterprise(total_t=Decimal(t), output=Decimal(o)) for t, o in pairs]


def test_five_enterprises_give_the_output_weighted_mean(
    rules: Rulebook, enterprise: Enterprise
) -> None:
    found = peers.gather(accounts(enterprise, PAIRS), "t", 11)
    assert peers.figure(found, rules.city(2020)) == ("city_mean", Fraction(1140, 7500))
    assert peers.rounded(Fraction(1140, 7500)) == Decimal("0.152000000")


@pytest.mark.parametrize(
    ("count", "figure"),
    [
        (4, ("city_median", Fraction("0.125"))),
        (3, ("city_median", Fraction("0.1"))),
        (2, None),
        (0, None),
    ],
)
def test_fewer_give_the_median_and_too_few_give_nothing(
    rules: Rulebook,
    enterprise: Enterprise,
    count: int,
    figure: tuple[str, Fraction] | None,
) -> None:
    found = peers.gather(accounts(enterprise, PAIRS[:count]), "t", 11)
    assert peers.figure(found, rules.city(2020)) == figure


def test_only_complete_data_count_and_the_others_are_told(enterprise: Enterprise) -> None:
    some = [
        enterprise(),
        enterprise(months_energy=10),
        enterprise(months_output=10),
        enterprise(output=Decimal(0)),
        enterprise(product_unit="set"),
        enterprise(output=Decimal(137120000), product_unit="kg"),
    ]
    found = peers.gather(some, "t", 11)
    assert (found.enterprises, found.left_out) == (2, {"incomplete": 2, "no_output": 1, "unit": 1})
    assert found.output == 2 * 137120


@given(st.permutations(PAIRS))
def test_the_figure_is_that_of_any_order(
    rules: Rulebook, enterprise: Enterprise, shuffled: list[tuple[str, str]]
) -> None:
    one, other = (peers.gather(accounts(enterprise, p), "t", 11) for p in (PAIRS, shuffled))
    assert one == other


@given(
    st.lists(
        st.tuples(st.integers(0, 10**6), st.integers(1, 10**6)).map(
            lambda p: (str(p[0]), str(p[1]))
        ),
        min_size=3,
        max_size=9,
    )
)
def test_the_figure_lies_between_the_best_and_the_worst(
    rules: Rulebook, enterprise: Enterprise, pairs: list[tuple[str, str]]
) -> None:
    found = peers.gather(accounts(enterprise, pairs), "t", 11)
    figure = peers.figure(found, rules.city(2020))
    assert figure is not None
    assert found.intensities[0] <= figure[1] <= found.intensities[-1]


def test_a_computed_benchmark_says_what_it_rests_on(enterprise: Enterprise) -> None:
    found = peers.gather(accounts(enterprise, PAIRS), "t", 11)
    basis = peers.basis_of(found)
    made = peers.computed(("1495", "xylitol", 2020), "t", "city_mean", Fraction(38, 250), basis)
    assert (basis.enterprises, basis.total_t, basis.output) == (5, Decimal(1140), Decimal(7500))
    assert made.source == (
        "output-weighted mean of 5 enterprises of the city with complete data for 2020: "
        "1140 t CO2e, output 7500 t"
    )
    assert made.value == Decimal("0.152") and made.cuts is None


@pytest.mark.parametrize("total", range(1950, 1960))
def test_what_a_mean_rests_on_gives_it_again(enterprise: Enterprise, total: int) -> None:
    """Outputs in m3 at 20 degrees against a benchmark per 1e4Nm3: no decimal holds their sum."""
    made = [
        enterprise(product_unit="m3", output=Decimal(90_400 + n * 977), total_t=Decimal(total))
        for n in range(5)
    ]
    found = peers.gather(made, "1e4Nm3", 11)
    basis = peers.basis_of(found)
    assert Fraction(basis.output) != found.output
    again = peers.rounded(Fraction(basis.total_t) / Fraction(basis.output))
    assert again == peers.rounded(found.total_t / found.output)


def test_a_norm_goes_before_a_published_value_a_mean_and_a_median(benchmark: Benchmark) -> None:
    kinds = ("norm", "published", "city_mean", "city_median")
    # The worse the kind, the later its year and version: the kind decides all the same.
    held = [
        replace(benchmark, kind=kind, year=2010 + place, version=str(place))
        for place, kind in enumerate(kinds)
    ]
    for place, kind in enumerate(kinds):
        found = Shelf(tuple(held[place:])).find("1495", "xylitol", 2020)
        assert found is not None and found.kind == kind
    assert Shelf(tuple(held)).find("1495", "xylitol", 2020, "city_mean") == held[2]
    earlier = replace(held[0], year=2009)
    assert Shelf((earlier, held[0])).find("1495", "xylitol", 2020) == held[0]
    assert Shelf((earlier, held[0])).find("1495", "xylitol", 2009) == earlier
