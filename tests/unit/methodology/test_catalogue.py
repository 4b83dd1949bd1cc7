from decimal import Decimal
from fractions import Fraction
from typing import get_args

import pytest

from shared.events.words import Channel, FarmAnimal, ManureSystem, PaymentKind
from shared.methodology import MethodologyError, methodology, trees
from shared.units.amount import milligrams


def test_the_eighteen_scenarios_follow_the_payment_kinds() -> None:
    scenarios = methodology().scenarios()
    assert [scenario.number for scenario in scenarios] == list(range(1, 19))
    assert [scenario.kind for scenario in scenarios] == list(get_args(PaymentKind))


def test_one_online_transfer() -> None:
    transfer = methodology().scenario("transfer")
    assert transfer.code == "ONLINE_TRANSFER"
    assert transfer.factor_mg == 23096
    assert transfer.cap == 20
    assert (transfer.formula, transfer.cap_period) == ("per_event", "day")


def test_every_factor_is_whole_milligrams() -> None:
    grams = [str(float(scenario.factor_mg / 1000)) for scenario in methodology().scenarios()]
    assert all(scenario.factor_mg.denominator == 1 for scenario in methodology().scenarios())
    assert grams[5:17] == (
        [
            "4.355",
            "24.0",
            "46.192",
            "46.192",
            "461.92",
            "46.192",
            "98.0",
            "43.0",
            "0.02",
            "23.0",
            "480.0",
            "515.3",
        ]
    )


def test_channels_that_earn() -> None:
    for scenario in methodology().scenarios():
        assert scenario.channels <= set(get_args(Channel)) - {"counter", "atm"}
    assert methodology().scenario("purchase").channels == {"qr", "nfc", "mobile"}


def test_saving_is_capped_by_the_month() -> None:
    saving = methodology().scenario("electricity_saving")
    assert (saving.formula, saving.cap, saving.cap_period) == ("saving", Decimal(300), "month")
    assert saving.needs_quantity
    assert methodology().scenario("walking").cap == 15_000


def test_an_unknown_payment_kind_is_refused() -> None:
    with pytest.raises(MethodologyError, match="unknown payment kind 'taxi'; expected one of tran"):
        methodology().scenario("taxi")


def test_words_of_farm_records_have_rows() -> None:
    tables = methodology().agri()
    for animal in get_args(FarmAnimal):
        assert set(tables.manure[animal]) == set(get_args(ManureSystem))


def test_cut_points() -> None:
    rule = methodology().label_rules("industrial")
    assert [rule.deep_green, rule.light_green, rule.yellow] == [
        Fraction("0.8"),
        1,
        Fraction("1.2"),
    ]
    assert (rule.quality_cap, rule.months_needed, rule.valid_months) == ("light_green", 11, 12)
    farm, person = methodology().label_rules("agri"), methodology().label_rules("personal")
    assert [farm.medium_green, farm.deep_green] == [Fraction("0.5"), 1]
    assert [person.light, person.medium, person.deep] == [500, 2000, 5000]


def test_label_names_best_first() -> None:
    names = [row.name_zh for row in methodology().label_names("industrial")]
    assert names == ["深绿", "浅绿", "黄", "红", "未评级"]
    assert [row.label for row in methodology().label_names("agri")][:3] == [
        "deep_green",
        "medium_green",
        "light_green",
    ]
    assert methodology().label_name("industrial", "light_green").word_zh == "良好"


def test_every_label_has_a_policy() -> None:
    for kind in ("industrial", "agri", "personal"):
        labels = {row.label for row in methodology().label_names(kind)}
        assert {row.label for row in methodology().policies(kind)} == labels
    deep = methodology().policy("industrial", "deep_green")
    assert (deep.rate_bp, deep.line_multiplier) == (-50, Decimal("1.30"))
    assert deep.facts()["rate_bp"] == "-50"
    assert methodology().policy("industrial", "yellow").transition_missed_bp == 20


def test_sample_benchmarks_say_that_they_are_illustrative() -> None:
    found = {row.product: row for row in methodology().benchmarks()}
    assert found["sugar_alcohol"].benchmark == Decimal("0.110")
    assert found["sugar_alcohol"].sector == "1495"
    assert all(row.illustrative for row in found.values())


def test_the_citys_tonnes_as_trees() -> None:
    assert methodology().tree_equivalent(3_129_000_000) == 41_400
    assert trees(2500, Decimal(1)) == 2
    assert trees(3500, Decimal(1)) == 4
    assert methodology().region().residents == 2_270_000


def test_huakang_before_its_solar_roof() -> None:
    energy = methodology().activity("direct.energy_co2").tonnes(Decimal("11659.61"), "t")
    process = methodology().activity("direct.co2").tonnes(Decimal("2491.14"), "t")
    assert milligrams(energy + process) == 14_150_750_000_000
