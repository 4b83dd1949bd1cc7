"""The least cut that gives a better label: exact to the milligram."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.grading.api.what_if import Supposed, answered
from services.grading.domain.benchmarks import Benchmark
from services.grading.domain.city import CityMean
from services.grading.domain.industrial import Surroundings
from services.grading.domain.rulebook import Rulebook, rulebook
from services.grading.domain.what_if import next_better
from shared.events.types import AgriAccount, IndustrialAccount
from shared.methodology import methodology
from shared.units.calendar import CITY
from tests.policies import with_own

NOW = datetime(2021, 6, 15, tzinfo=UTC)
Enterprise = Callable[..., IndustrialAccount]
Farm = Callable[..., AgriAccount]
BETTER = {
    "red": ("yellow", "1.2"),
    "yellow": ("light_green", "1"),
    "light_green": ("deep_green", "0.8"),
}


def milligrams(text: str) -> int:
    return int(Decimal(text).scaleb(9))


def test_the_golden_enterprise_is_deep_green_after_a_cut_to_eight_tenths(
    rules: Rulebook, benchmark: Benchmark, enterprise: Enterprise
) -> None:
    supposed = Supposed(enterprise(), Surroundings(benchmark), rules, NOW, CITY)
    found = answered("industrial", supposed, date(2021, 6, 15))
    assert found.label == "light_green" and found.policy.rate_bp == "-25"
    assert found.next is not None
    # 13875.24 - 0.8 x 0.11 x 137120
    assert found.next.label == "deep_green" and found.next.label_zh == "深绿"
    assert found.next.reduction_t == "1808.68"
    assert found.next.policy.rate_bp == "-50"
    cut = milligrams("1808.68")
    assert supposed.grade(cut).label == "deep_green"
    assert supposed.grade(cut - 1).label == "light_green"


def test_a_bank_is_told_what_it_would_grant_itself(
    tmp_path: Path, benchmark: Benchmark, enterprise: Enterprise
) -> None:
    rules, around = rulebook(methodology(with_own(tmp_path))), Surroundings(benchmark)
    granted = {}
    for bank in (None, "jsrcb"):
        supposed = Supposed(enterprise(), around, rules, NOW, CITY, bank=bank)
        found = answered("industrial", supposed, date(2026, 7, 1))
        assert found.next is not None
        granted[bank] = (found.policy.id, found.next.policy.id, found.next.policy.rate_bp)
    assert granted == {
        None: ("industrial.light_green", "industrial.deep_green", "-50"),
        "jsrcb": ("industrial.light_green", "jsrcb.industrial.deep_green", "-60"),
    }


@settings(max_examples=40)
@given(
    total=st.decimals("0.000000001", "99999", places=9),
    output=st.decimals("0.001", "99999", places=3),
    value=st.decimals("0.001", "9", places=4),
)
def test_that_cut_and_not_a_milligram_less(
    rules: Rulebook,
    benchmark: Benchmark,
    enterprise: Enterprise,
    total: Decimal,
    output: Decimal,
    value: Decimal,
) -> None:
    around = Surroundings(replace(benchmark, value=value))
    supposed = Supposed(enterprise(total_t=total, output=output), around, rules, NOW, CITY)
    label = supposed.grade().label
    found = answered("industrial", supposed, date(2021, 6, 15)).next
    if label == "deep_green":
        assert found is None
        return
    better, bound = BETTER[label]
    assert found is not None
    cut = milligrams(found.reduction_t)
    assert found.label == supposed.grade(cut).label == better
    assert supposed.grade(cut - 1).label == label
    exact = Fraction(total) - Fraction(bound) * Fraction(value) * Fraction(output)
    assert 0 <= Fraction(cut, 10**9) - exact < Fraction(1, 10**9)


def test_no_cut_betters_what_data_cap_or_what_is_ungraded(
    rules: Rulebook, benchmark: Benchmark, enterprise: Enterprise
) -> None:
    around, on = Surroundings(benchmark), date(2021, 6, 15)
    for account in (
        enterprise(quality={"estimated": Decimal(1)}),
        enterprise(months_energy=3),
        enterprise(total_t=Decimal(0)),
    ):
        assert answered("industrial", Supposed(account, around, rules, NOW, CITY), on).next is None


def test_a_farm_cuts_its_gross_emissions(rules: Rulebook, farm: Farm) -> None:
    account = farm(neutralised_t=Decimal("1099.108"), gross_t=Decimal(2000))
    supposed = Supposed(account, Surroundings(), rules, NOW, CITY)
    found = answered("agri", supposed, date(2021, 6, 15))
    assert found.next is not None
    assert (found.label, found.next.label) == ("medium_green", "deep_green")
    assert found.next.reduction_t == "900.892"
    assert supposed.grade(milligrams("900.892") - 1).label == "medium_green"


def test_with_step_the_cut_counts_what_it_does_in_all_dimensions(
    editions: Callable[..., Rulebook], benchmark: Benchmark, enterprise: Enterprise
) -> None:
    stepping = editions([("overall: first_dimension", "overall: step")])
    around = Surroundings(
        benchmark,
        CityMean(2020, 1, 9, Decimal(10000), Decimal(1000), NOW),
        enterprise(year=2019, total_t=Decimal(14000)),
    )
    account = enterprise(value_added_1e4cny=Decimal(1625))
    supposed = Supposed(account, around, stepping, NOW, CITY)
    found = answered("industrial", supposed, date(2021, 6, 15)).next
    assert found is not None
    cut = milligrams(found.reduction_t)
    assert (found.label, cut) == ("deep_green", milligrams("967.24"))  # 14000 x 0.922 = 12908
    assert supposed.grade(cut).dimensions["sector"] == "light_green"
    assert supposed.grade(cut - 1).label == "light_green"


@pytest.mark.parametrize(("most", "expected"), [(-1, None), (0, None), (6, None), (7, 7), (99, 7)])
def test_the_least_of_all_cuts_within_reach(most: int, expected: int | None) -> None:
    assert next_better(1, most, lambda cut: 2 if cut >= 7 else 1) == expected
