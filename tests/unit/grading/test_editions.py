"""Rules are data with dates: a label is decided by the rule of the end of its year."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from services.grading.domain import agri, industrial
from services.grading.domain.benchmarks import Benchmark
from services.grading.domain.industrial import Surroundings
from services.grading.domain.rulebook import Rulebook, cuts_of, rulebook
from shared.events.types import AgriAccount, IndustrialAccount
from shared.methodology import MethodologyError, methodology
from shared.methodology.files import DATA
from shared.units.calendar import CITY
from tests.policies import FILE, with_own

Editions = Callable[..., Rulebook]
Enterprise = Callable[..., IndustrialAccount]
NOW = datetime(2022, 6, 15, tzinfo=UTC)
FROM_2015 = "valid_from: 2015-01-01"
# A row with the values of the default and tighter cut points.
TIGHT = (
    "industrial:\n  {name}: {{deep_green: 0.70, light_green: 0.90, yellow: 1.10, "
    "fall_deep_green: 0.078, fall_light_green: 0.039, fall_yellow: 0, "
    "quality_months_share: 0.9, quality_cap: light_green, months_needed: {months}, "
    "valid_months: 12, overall: first_dimension{more}}}\n"
)
BREEDING = (
    "{deep_green: 1.5, medium_green: 0.9, peer_deep_green: 0.8, peer_medium_green: 0.5, "
    "peers_needed: 10, peer_per: {breeding: 100_heads}, valid_months: 6, source: own proposal}"
)


def override(name: str, months: int = 11, more: str = "") -> tuple[str, str]:
    return "industrial:\n", TIGHT.format(name=f"'{name}'", months=months, more=more)


@pytest.mark.parametrize(
    ("begins", "label_of_2020", "label_of_2021"),
    [
        ("2020-12-31", "yellow", "yellow"),
        ("2021-01-01", "light_green", "yellow"),
        ("2021-12-31", "light_green", "yellow"),
        ("2022-01-01", "light_green", "light_green"),
    ],
)
def test_a_label_uses_the_edition_in_force_at_the_end_of_its_year(
    editions: Editions,
    benchmark: Benchmark,
    enterprise: Enterprise,
    begins: str,
    label_of_2020: str,
    label_of_2021: str,
) -> None:
    tighter = ("deep_green: 0.80, light_green: 1.00", "deep_green: 0.70, light_green: 0.90")
    rules = editions([(FROM_2015, f"valid_from: {begins}"), tighter])
    ruled = Surroundings(replace(benchmark, cuts=None))
    found = {
        year: industrial.grade(enterprise(year=year), ruled, rules, NOW, CITY)
        for year in (2020, 2021)
    }
    assert [found[2020].label, found[2021].label] == [label_of_2020, label_of_2021]
    # The label records the cut points and the edition that it was decided by.
    for year in (2020, 2021):
        held = found[year].benchmark
        assert held is not None and held.cuts == cuts_of(rules.industrial("1495", year))
        edition = "labels@2" if found[year].label == "yellow" else "labels@1"
        assert rules.version("industrial", "1495", year) == edition


def test_a_sector_override_wins_over_the_default_and_the_longer_code_over_the_shorter(
    editions: Editions, benchmark: Benchmark, enterprise: Enterprise
) -> None:
    rules = editions([override("14"), override("1495", months=9)])
    assert rules.version("industrial", "1495", 2020) == "labels@2:1495"
    assert rules.version("industrial", "1461", 2020) == "labels@2:14"
    assert rules.version("industrial", "3011", 2020) == "labels@2"
    assert rules.industrial("1495", 2020).months_needed == 9
    assert rules.industrial("1461", 2020).months_needed == 11
    ruled = Surroundings(replace(benchmark, cuts=None))
    found = industrial.grade(enterprise(), ruled, rules, NOW, CITY)
    assert found.label == "yellow"  # 0.920 is above the sector's own 0.90


def test_an_override_holds_from_its_own_day(editions: Editions) -> None:
    dated = ", valid_from: 2021-06-01, valid_to: 2023-01-01"
    rules = editions([override("1495", more=dated)])
    found = [rules.version("industrial", "1495", year) for year in (2020, 2021, 2022, 2023)]
    assert found == ["labels@2", "labels@2:1495", "labels@2:1495", "labels@2"]
    assert rules.industrial("1495", 2022).yellow != rules.industrial("1495", 2023).yellow


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        (override("food"), "industrial.food: expected a GB/T 4754 code of 2 to 4 digits"),
        (override("C1495"), "industrial.C1495: expected the code without its letter, 1495"),
        (
            ("agri:\n  default", f"agri:\n  fishing: {BREEDING}\n  default"),
            "agri.fishing: expected",
        ),
    ],
)
def test_a_rule_of_no_sector_and_no_type_of_farm_is_refused(
    editions: Editions, added: tuple[str, str], expected: str
) -> None:
    with pytest.raises(MethodologyError, match=expected):
        editions([added])


def test_a_sector_has_its_own_time_of_validity(editions: Editions, enterprise: Enterprise) -> None:
    name, row = override("1495")
    rules = editions([(name, row.replace("valid_months: 12", "valid_months: 6"))])
    assert rules.valid_months("industrial", "1495", 2020) == 6
    assert rules.valid_months("industrial", "3011", 2020) == 12


def test_a_type_of_farm_may_have_a_rule_of_its_own(
    editions: Editions, farm: Callable[..., AgriAccount]
) -> None:
    rules = editions([("agri:\n  default", f"agri:\n  breeding: {BREEDING}\n  default")])
    neutral = {"neutralised_t": Decimal(100), "gross_t": Decimal(100)}
    found = {
        type: agri.grade(farm(type=type, **neutral), rules) for type in ("breeding", "planting")
    }
    assert found["breeding"].label == "medium_green" and found["planting"].label == "deep_green"
    assert rules.version("agri", "breeding", 2020) == "labels@2:breeding"
    assert rules.version("agri", "planting", 2020) == "labels@2"
    assert [rules.valid_months("agri", type, 2020) for type in found] == [6, 12]


def test_a_label_that_cannot_be_relied_on_earns_nothing(rules: Rulebook) -> None:
    day = date(2022, 1, 1)
    words = ("deep_green", "light_green", "yellow", "red", "ungraded")
    found = [rules.policy_held("industrial", word, day)["id"] for word in words]
    worst = ["industrial.ungraded"] * 3 + ["industrial.red", "industrial.ungraded"]
    assert found == worst
    assert rules.policy_held("agri", "deep_green", day)["id"] == "agri.ungraded"


def test_nor_does_one_of_a_bank_that_grants_it_no_more_than_none(tmp_path: Path) -> None:
    data = with_own(tmp_path, begins="2022-01-01")
    own = (data / FILE).read_text(encoding="utf-8")
    own = own.replace("rate_bp: -60, line_multiplier: 1.50", "rate_bp: 0, line_multiplier: 0.90")
    (data / FILE).write_text(own, encoding="utf-8")
    rules, asked = rulebook(methodology(data)), ("industrial", "deep_green", date(2022, 1, 1))
    assert rules.policy(*asked, "jsrcb")["line_multiplier"] == "0.90"
    assert rules.policy_held(*asked, "jsrcb")["id"] == "industrial.ungraded"


def test_own_cut_points_of_a_benchmark_go_before_those_of_the_rule(
    editions: Editions, benchmark: Benchmark, enterprise: Enterprise
) -> None:
    rules = editions([override("1495")])
    found = industrial.grade(enterprise(), Surroundings(benchmark), rules, NOW, CITY)
    assert found.label == "light_green"


@pytest.mark.parametrize(
    ("months", "label"), [(9, "light_green"), (10, "light_green"), (11, "deep_green")]
)
def test_fewer_than_nine_months_in_ten_stop_at_light_green(
    editions: Editions, benchmark: Benchmark, enterprise: Enterprise, months: int, label: str
) -> None:
    rules = editions([override("1495", months=9)])
    account = enterprise(total_t=Decimal(1000), months_energy=12, months_output=months)
    found = industrial.grade(account, Surroundings(benchmark), rules, NOW, CITY)
    assert found.label == label and found.dimensions["sector"] == "deep_green"
    assert ("the label goes no higher" in found.reason["en"]) == (label == "light_green")


def test_cut_points_out_of_order_are_refused_with_file_line_and_row(editions: Editions) -> None:
    name, row = override("1495")
    with pytest.raises(MethodologyError) as error:
        editions([(name, row.replace("0.90", "1.10"))])
    assert "labels-2.yaml" in str(error.value)
    assert "industrial.1495: expected deep_green < light_green < yellow" in str(error.value)


def test_a_median_takes_no_more_enterprises_than_a_mean(editions: Editions) -> None:
    with pytest.raises(MethodologyError, match="expected 1 <= median_enterprises <= mean_ent"):
        editions([("median_enterprises: 3", "median_enterprises: 6")])


def test_the_policy_sent_is_the_one_in_force_on_the_day(tmp_path: Path) -> None:
    directory = Path(shutil.copytree(DATA, tmp_path / "data"))
    later = (directory / "policies.yaml").read_text(encoding="utf-8")
    for old, new in (
        ('version: "1"', 'version: "2"'),
        (FROM_2015, "valid_from: 2022-03-01"),
        ("rate_bp: -50", "rate_bp: -60"),
    ):
        later = later.replace(old, new, 1)
    (directory / "policies-2.yaml").write_text(later, encoding="utf-8")
    rules = rulebook(methodology(directory))
    days = (date(2022, 2, 28), date(2022, 3, 1))
    rates = [rules.policy("industrial", "deep_green", day)["rate_bp"] for day in days]
    assert rates == ["-50", "-60"]


def test_the_policy_of_a_label_is_complete_in_both_languages(rules: Rulebook) -> None:
    wanted = {"id", "rate_bp", "line_multiplier"}
    wanted |= {f"{of}_{lang}" for of in ("terms", "channel", "hook") for lang in ("en", "zh")}
    expected = {
        "deep_green": ("-50", "1.30"),
        "light_green": ("-25", "1.10"),
        "yellow": ("0", "1.00"),
        "red": ("30", "0.80"),
        "ungraded": ("0", "0.90"),
    }
    for label, (rate, line) in expected.items():
        policy = rules.policy("industrial", label, date(2022, 1, 1))
        assert wanted <= policy.keys() and all(policy.values())
        assert (policy["rate_bp"], policy["line_multiplier"]) == (rate, line)
    transition = {
        "transition_step_bp": "-10",
        "transition_step_cut": "0.05",
        "transition_max_bp": "-30",
        "transition_missed_bp": "20",
    }
    yellow = rules.policy("industrial", "yellow", date(2022, 1, 1))
    assert {k: v for k, v in yellow.items() if k not in wanted} == transition
