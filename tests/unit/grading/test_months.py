"""Which months count for a label: those gone by, not the one under way."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from services.grading.domain import industrial
from services.grading.domain.benchmarks import Benchmark
from services.grading.domain.grades import Grade
from services.grading.domain.industrial import Surroundings
from services.grading.domain.rulebook import Rulebook
from shared.events.types import IndustrialAccount
from shared.units.calendar import CITY

Enterprise = Callable[..., IndustrialAccount]
Grading = Callable[[IndustrialAccount, Benchmark, str], Grade]


@pytest.fixture
def grade(rules: Rulebook, enterprise: Enterprise) -> Grading:
    """On a day, beside the whole year before."""

    def _grade(account: IndustrialAccount, benchmark: Benchmark, day: str) -> Grade:
        around = Surroundings(benchmark, before=enterprise(year=2019))
        at = datetime.fromisoformat(f"{day}T00:00:00+08:00")
        return industrial.grade(account, around, rules, at, CITY)

    return _grade


@pytest.mark.parametrize(
    ("energy", "output", "day", "said"),
    [
        ([1, 3], [1, 2, 3], "2020-03-15", "1 months of energy and 2 of output among those gone by"),
        ([1, 2], [1, 3], "2020-03-15", "2 months of energy and 1 of output among those gone by"),
        ([1, 3], [1, 3], "2020-04-01", "2 months of energy and 2 of output, 3 are needed"),
        ([2], [2], "2020-01-31", "0 months of energy and 0 of output among those gone by"),
        ([1, 2, 3], [1, 2], "2020-03-15", None),
        ([1], [1], "2020-01-15", None),
        ([1, *range(3, 13)], [*range(1, 12)], "2021-01-01", None),
    ],
)
def test_the_month_under_way_does_not_make_up_for_one_that_is_missing(
    grade: Grading,
    benchmark: Benchmark,
    enterprise: Enterprise,
    energy: list[int],
    output: list[int],
    day: str,
    said: str | None,
) -> None:
    account = enterprise(
        months_energy=len(energy),
        months_output=len(output),
        energy_covered=energy,
        output_covered=output,
    )
    found = grade(account, benchmark, day)
    assert found.missing == (said and "incomplete")
    assert found.dimensions["history"] == ("unknown" if said else "yellow")
    assert said is None or f"2020 has {said}" in found.reason["en"]
    assert ("gone by" in found.reason["en"]) == ("已过月份中" in found.reason["zh"])


def test_of_value_added_the_months_of_energy_count(
    grade: Grading, benchmark: Benchmark, enterprise: Enterprise
) -> None:
    machinery = replace(benchmark, unit="1e4CNY")
    account = enterprise(
        product_unit="set",
        value_added_1e4cny=Decimal(9),
        months_energy=3,
        months_output=0,
        energy_covered=[1, 2, 5],
        output_covered=[],
    )
    found = grade(account, machinery, "2020-05-15")
    assert found.reason["en"] == (
        "2020 has 2 months of energy among those gone by, 4 are needed: ungraded."
    )
    assert found.reason["zh"] == "2020年已过月份中有2个月能源数据，需要4个月：未评级。"
