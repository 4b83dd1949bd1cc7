"""The published farm and the worked examples of the method."""

from decimal import Decimal
from fractions import Fraction

import pytest

from services.agri.domain import manure as manure_rules
from services.agri.domain import straw as straw_rules
from shared.units.amount import tonnes_text
from tests.unit.agri.farm import Farm, manure, soil, straw


def one_place(mg: int) -> str:
    return f"{Decimal(tonnes_text(mg)):.1f}"


def two_places(mg: int) -> str:
    return f"{Decimal(tonnes_text(mg)):.2f}"


def test_the_published_farm() -> None:
    farm = Farm()
    decision = farm.post(
        [
            straw("straw", "1920", "364.76"),
            soil(
                "soil",
                "77.32",
                parcel_id="orchard",
                land_use="perennial",
                tillage_after="full",
                input_after="high_manure",
                since=2020,
            ),
            manure("manure", "700", parcel_id="barn"),
        ]
    )
    assert not decision.refused and not decision.parked
    totals = farm.totals()
    assert tonnes_text(totals.straw) == "613.506107433"
    assert tonnes_text(totals.soil) == "246.991008"
    assert tonnes_text(totals.manure) == "238.61069883"
    parts = [one_place(mg) for mg in (totals.straw, totals.soil, totals.manure)]
    assert parts == ["613.5", "247.0", "238.6"]
    assert one_place(totals.neutralised) == "1099.1"
    assert farm.account.balance == totals.neutralised


@pytest.mark.parametrize(
    ("event", "tonnes"),
    [
        (straw("s", "1920"), "168.19"),
        (soil("c"), "115.15"),
        (manure("m"), "238.61"),
    ],
    ids=["straw", "soil", "manure"],
)
def test_worked_examples(event: object, tonnes: str) -> None:
    farm = Farm()
    farm.post([event])  # type: ignore[list-item]
    assert two_places(farm.account.balance) == tonnes


def test_straw_per_hectare() -> None:
    assert straw_rules.t_per_ha(Fraction("1.92"), 2020) == Fraction("458.71216") / 1000 * 44 / 12


def test_manure_per_head() -> None:
    before, after = (
        manure_rules.kg_per_head("growing_pig", system, "system_before", 2020)
        for system in ("pit_long", "digester")
    )
    assert round(float(before - after), 3) == 340.872


def test_measured_soil() -> None:
    """42 to 44 t C/ha in five years on 10 ha: 0.4 x 44/12 x 10."""
    farm = Farm()
    measured = {"stock_before_t_per_ha": "42", "stock_after_t_per_ha": "44", "stock_years": "5"}
    farm.post([soil("m", "10", **measured)])
    assert tonnes_text(farm.totals().soil) == "14.666666667"


def test_paddy_methane_is_shown() -> None:
    """3.65 t CO2e/ha at 1.92 t/ha of straw shortly before flooding."""
    record = straw("p", "1920", "1", paddy=True).data
    penalty = straw_rules.paddy_penalty([record], 2020)  # type: ignore[list-item]
    assert two_places(penalty) == "3.65"
    assert straw_rules.paddy_penalty([], 2020) == 0
