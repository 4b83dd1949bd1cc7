"""The four colours: cut points, what is missing, quality, dimensions."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.grading.domain import dimensions, industrial
from services.grading.domain.benchmarks import Benchmark, Cuts
from services.grading.domain.city import CityMean
from services.grading.domain.completeness import Months, months
from services.grading.domain.grades import Grade
from services.grading.domain.industrial import COLOURS, Surroundings
from services.grading.domain.rulebook import Rulebook, cuts_of
from shared.events.types import IndustrialAccount
from shared.units.amount import ratio_text
from shared.units.calendar import CITY

Enterprise = Callable[..., IndustrialAccount]
NOW = datetime(2021, 1, 1, tzinfo=UTC)
Grading = Callable[..., Grade]
WHOLE = Months(12, 11)
DEFAULT = Cuts(Decimal("0.80"), Decimal("1.00"), Decimal("1.20"))


@pytest.fixture
def grade(rules: Rulebook, benchmark: Benchmark, now: datetime) -> Grading:
    def _grade(
        account: IndustrialAccount,
        held_against: Benchmark | None = benchmark,
        at: datetime = now,
        city: CityMean | None = None,
        before: IndustrialAccount | None = None,
    ) -> Grade:
        return industrial.grade(account, Surroundings(held_against, city, before), rules, at, CITY)

    return _grade


def test_the_golden_enterprise_is_light_green_at_0_920(
    grade: Grading, enterprise: Enterprise
) -> None:
    found = grade(enterprise())
    assert found.label == "light_green"
    assert found.ratio is not None and found.intensity is not None
    assert found.ratio == Fraction("13875.24") / 137120 / Fraction("0.11")
    assert f"{float(found.ratio):.3f}" == "0.920"
    assert ratio_text(found.intensity) == "0.101190"
    assert "13875.24 t" in found.reason["en"] and "浅绿" in found.reason["zh"]


@pytest.mark.parametrize(
    ("total", "label"),
    [
        ("80", "deep_green"),
        ("80.000000000001", "light_green"),
        ("100", "light_green"),
        ("100.000000000001", "yellow"),
        ("120", "yellow"),
        ("120.000000000001", "red"),
        ("0", "deep_green"),
        ("-5", "deep_green"),
    ],
)
def test_upper_bounds_are_inclusive_on_unrounded_values(
    grade: Grading, enterprise: Enterprise, benchmark: Benchmark, total: str, label: str
) -> None:
    account = enterprise(total_t=Decimal(total), output=Decimal(100))
    assert grade(account, replace(benchmark, value=Decimal(1))).label == label


def test_a_ratio_that_decimals_cannot_hold_is_still_decided_exactly(
    grade: Grading, enterprise: Enterprise, benchmark: Benchmark
) -> None:
    # 0.8 x 3 x 0.1 = 0.24: the division by three never shows.
    thirds = replace(benchmark, value=Decimal("0.1"))
    assert (
        grade(enterprise(total_t=Decimal("0.24"), output=Decimal(3)), thirds).label == "deep_green"
    )


@given(
    ratios=st.lists(st.fractions(min_value=0, max_value=3), min_size=2),
    cuts=st.lists(st.decimals("0.01", "3", places=4), min_size=3, max_size=3, unique=True).map(
        sorted
    ),
)
def test_a_higher_ratio_never_has_a_better_colour(
    ratios: list[Fraction], cuts: list[Decimal]
) -> None:
    bounds = Cuts(*cuts)
    ranks = [COLOURS.index(bounds.colour(ratio)) for ratio in sorted(ratios)]
    assert ranks == sorted(ranks)


@given(st.sampled_from(["deep_green", "light_green", "yellow"]))
def test_a_bound_belongs_to_the_better_colour(colour: str) -> None:
    bound = Fraction(DEFAULT.words()[colour])
    assert DEFAULT.colour(bound) == colour
    assert DEFAULT.colour(bound + Fraction(1, 10**30)) == COLOURS[COLOURS.index(colour) + 1]


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"output": Decimal(0)}, "no_output"),
        ({"output": Decimal(0), "months_output": 0}, "no_output"),
        ({"months_energy": 10}, "incomplete"),
        ({"months_output": 10}, "incomplete"),
    ],
)
def test_what_is_missing_is_said(
    grade: Grading, enterprise: Enterprise, changes: dict[str, Any], missing: str
) -> None:
    found = grade(enterprise(**changes))
    assert (found.label, found.missing) == ("ungraded", missing)
    assert found.reason["code"] == missing and found.ratio is None


def test_without_a_benchmark_there_is_no_label(grade: Grading, enterprise: Enterprise) -> None:
    found = grade(enterprise(), None)
    assert (found.label, found.missing) == ("ungraded", "no_benchmark")
    assert "1495 / xylitol" in found.reason["en"]


def test_eleven_months_of_a_past_year_are_enough(grade: Grading, enterprise: Enterprise) -> None:
    assert grade(enterprise(months_energy=11, months_output=11)).label == "light_green"


@pytest.mark.parametrize(
    ("at", "required"),
    [
        ("2020-01-15T12:00:00+08:00", 1),
        ("2020-02-01T00:00:00+08:00", 1),
        ("2020-01-31T23:59:59+08:00", 1),
        ("2020-12-31T23:59:59+08:00", 11),
        ("2021-01-01T00:00:00+08:00", 11),
        ("2019-12-31T23:59:59+08:00", 1),
    ],
)
def test_the_running_year_needs_every_month_gone_by_in_the_city_and_one_at_least(
    at: str, required: int
) -> None:
    assert months(2020, 11, datetime.fromisoformat(at), CITY).required == required


def test_a_running_year_is_incomplete_once_another_month_has_gone_by(
    grade: Grading, enterprise: Enterprise
) -> None:
    account = enterprise(months_energy=3, months_output=3)
    april, may = (datetime.fromisoformat(f"2020-0{m}-01T00:00:00+08:00") for m in (4, 5))
    assert grade(account, at=april).label == "light_green"
    assert grade(account, at=may).missing == "incomplete"


@pytest.mark.parametrize(
    ("quality", "label"),
    [
        ({"estimated": Decimal("0.6"), "substituted": Decimal("0.4")}, "light_green"),
        ({"actual": Decimal(0), "estimated": Decimal(1)}, "light_green"),
        ({"actual": Decimal("0.01"), "estimated": Decimal("0.99")}, "deep_green"),
        ({}, "deep_green"),
    ],
)
def test_data_that_are_estimated_throughout_stop_at_light_green(
    grade: Grading, enterprise: Enterprise, quality: dict[str, Decimal], label: str
) -> None:
    found = grade(enterprise(total_t=Decimal(1000), quality=quality))
    assert found.label == label
    assert found.dimensions["sector"] == "deep_green"


def test_weak_data_never_better_a_red_label(grade: Grading, enterprise: Enterprise) -> None:
    weak = enterprise(total_t=Decimal(99999), quality={"estimated": Decimal(1)})
    assert grade(weak).label == "red"


def test_output_is_converted_to_the_unit_of_the_benchmark(
    grade: Grading, enterprise: Enterprise, benchmark: Benchmark
) -> None:
    power = replace(benchmark, unit="t/MWh", value=Decimal("0.82"))
    account = enterprise(total_t=Decimal("0.82"), output=Decimal(1000), product_unit="kWh")
    assert grade(account, power).ratio == 1


def test_value_added_is_the_output_of_a_benchmark_per_value_added(
    grade: Grading, enterprise: Enterprise, benchmark: Benchmark
) -> None:
    machinery = replace(benchmark, unit="1e4CNY", value=Decimal("0.35"))
    account = enterprise(
        total_t=Decimal(35), value_added_1e4cny=Decimal(100), product_unit="set", months_output=0
    )
    assert grade(account, machinery).ratio == 1
    assert grade(enterprise(product_unit="set"), machinery).missing == "no_output"


def test_units_that_do_not_convert_are_no_benchmark(
    grade: Grading, enterprise: Enterprise, benchmark: Benchmark
) -> None:
    found = grade(enterprise(product_unit="set"), benchmark)
    assert found.missing == "no_benchmark" and "in set" in found.reason["en"]


def test_the_regional_dimension_is_against_the_mean_of_the_city(enterprise: Enterprise) -> None:
    def regional(total: str, city: CityMean | None, added: int = 100) -> str:
        account = enterprise(total_t=Decimal(total), value_added_1e4cny=Decimal(added))
        return dimensions.regional(account, city, 5, DEFAULT, WHOLE)

    taken = CityMean(2020, 1, 5, Decimal(500), Decimal(500), NOW)
    found = [regional(total, taken) for total in ("80", "100", "120", "120.000000001")]
    assert found == ["deep_green", "light_green", "yellow", "red"]
    assert regional("80", None) == "unknown"
    assert regional("80", taken, added=0) == "unknown"
    assert regional("80", replace(taken, accounts=4)) == "unknown"
    assert regional("80", replace(taken, total_t=Decimal(0))) == "unknown"
    short = enterprise(value_added_1e4cny=Decimal(100), months_energy=10)
    assert dimensions.regional(short, taken, 5, DEFAULT, WHOLE) == "unknown"


@pytest.mark.parametrize(
    ("total", "colour"),
    [
        ("92.2", "deep_green"),
        ("92.3", "light_green"),
        ("96.1", "light_green"),
        ("96.2", "yellow"),
        ("100", "yellow"),
        ("100.1", "red"),
    ],
)
def test_the_history_dimension_is_the_fall_of_intensity(
    rules: Rulebook, enterprise: Enterprise, total: str, colour: str
) -> None:
    rule = rules.industrial("1495", 2020)
    before = enterprise(year=2019, total_t=Decimal(100))
    found = dimensions.history(enterprise(total_t=Decimal(total)), before, rule, WHOLE, "t")
    assert found == colour
    assert dimensions.history(enterprise(), None, rule, WHOLE, "t") == "unknown"
    other = enterprise(year=2019, product="maltitol")
    assert dimensions.history(enterprise(), other, rule, WHOLE, "t") == "unknown"


@pytest.mark.parametrize("short", [{"months_energy": 10}, {"months_output": 10}])
def test_a_year_with_months_missing_is_no_history(
    rules: Rulebook, enterprise: Enterprise, short: dict[str, int]
) -> None:
    rule, before = rules.industrial("1495", 2020), enterprise(year=2019)
    assert dimensions.history(enterprise(), before, rule, WHOLE, "t") == "yellow"
    thin = enterprise(year=2019, **short)
    assert dimensions.history(enterprise(), thin, rule, WHOLE, "t") == "unknown"
    assert dimensions.history(enterprise(**short), before, rule, WHOLE, "t") == "unknown"
    running = Months(10, 10)
    assert dimensions.history(enterprise(**short), before, rule, running, "t") == "yellow"


def test_history_is_told_of_the_intensity_that_the_benchmark_is_in(
    grade: Grading, enterprise: Enterprise, benchmark: Benchmark
) -> None:
    def history(unit: str, **changes: Any) -> str:
        before, now = (
            enterprise(
                year=year,
                product_unit="set",
                total_t=Decimal(total),
                output=Decimal(made),
                value_added_1e4cny=Decimal(300),
                **changes,
            )
            for year, total, made in ((2019, 100, 100), (2020, 90, 80))
        )
        found = grade(now, replace(benchmark, unit=unit), before=before)
        return found.dimensions["history"]

    # A tenth less per value added, an eighth more per set.
    assert (history("1e4CNY"), history("set")) == ("deep_green", "red")
    # Value added comes without months of output.
    assert history("t/1e4CNY", months_output=0) == "deep_green"
    assert history("set", months_output=0) == "unknown"


@pytest.mark.parametrize("covered", [(0, 1), (1, 0), (0, 0)])
def test_in_january_output_without_energy_is_no_ground_for_a_label(
    grade: Grading, enterprise: Enterprise, covered: tuple[int, int]
) -> None:
    january = datetime.fromisoformat("2020-01-20T00:00:00+08:00")
    account = enterprise(
        total_t=Decimal(0), quality={}, months_energy=covered[0], months_output=covered[1]
    )
    found = grade(account, at=january)
    assert (found.label, found.missing) == ("ungraded", "incomplete")
    assert grade(enterprise(months_energy=1, months_output=1), at=january).missing is None


def test_the_reason_speaks_of_value_added_where_that_is_the_output(
    grade: Grading, enterprise: Enterprise, benchmark: Benchmark
) -> None:
    machinery = replace(benchmark, unit="1e4CNY")
    nothing = enterprise(product_unit="set", months_output=0)
    found = grade(nothing, machinery)
    assert found.reason["en"] == "No value added is reported for 2020: ungraded."
    assert "没有增加值数据" in found.reason["zh"]
    added = enterprise(
        product_unit="set", value_added_1e4cny=Decimal(9), months_energy=3, months_output=0
    )
    found = grade(added, machinery)
    assert found.reason["en"] == "2020 has 3 months of energy, 11 are needed: ungraded."
    assert found.reason["zh"] == "2020年有3个月能源数据，需要11个月：未评级。"
    both = grade(enterprise(months_energy=3))
    assert both.reason["en"].startswith("2020 has 3 months of energy and 12 of output, 11 are")


@pytest.mark.parametrize(
    ("unit", "output"),
    [
        ("t", "t"),
        ("t/MWh", "MWh"),
        ("tCO2e / t", "t"),
        ("standard box", "standard box"),
        ("t/standard box", "standard box"),
        ("km/d", "km/d"),
        ("kg/t", "kg/t"),
        ("t/", ""),
    ],
)
def test_the_unit_of_a_benchmark_is_that_of_the_output(
    benchmark: Benchmark, unit: str, output: str
) -> None:
    assert replace(benchmark, unit=unit).output_unit == output


def test_a_benchmark_in_kilograms_is_not_taken_for_tonnes(
    grade: Grading, enterprise: Enterprise, benchmark: Benchmark
) -> None:
    found = grade(enterprise(), replace(benchmark, unit="kg/t", value=Decimal(110)))
    assert (found.label, found.missing) == ("ungraded", "no_benchmark")
    boxes = replace(benchmark, unit="standard box")
    assert grade(enterprise(product_unit="standard box"), boxes).label == "light_green"


def test_the_shipped_cut_points_are_those_of_the_methodology(rules: Rulebook) -> None:
    assert cuts_of(rules.industrial("1495", 2020)) == DEFAULT
