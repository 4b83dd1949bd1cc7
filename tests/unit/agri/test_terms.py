"""The terms that count only where a record shows them."""

from fractions import Fraction
from typing import Any

import pytest

from services.agri.domain import straw as straw_rules
from shared.events.envelope import Event
from shared.units.amount import tonnes_text
from tests.unit.agri.farm import Farm, emission, manure, record, soil, straw

SAMPLES = {
    "soc_before_g_per_kg": "12.5",
    "soc_after_g_per_kg": "13.5",
    "bulk_density_before_g_per_cm3": "1.3",
    "bulk_density_after_g_per_cm3": "1.25",
    "depth_cm": "30",
    "stones": "0.1",
    "stock_years": "5",
}
SAMPLED: dict[str, Any] = {"pathway": "soil_carbon", "area_ha": "10", **SAMPLES}
BIOGAS = {"biogas_m3": "1000", "biogas_lhv_mj_per_m3": "21.5", "biogas_replaces": "diesel"}
NITROGEN: dict[str, Any] = {
    "synthetic_n_before_t": "9",
    "synthetic_n_after_t": "8",
    "evidence": "ledger/7",
}


def refusal(event: Event) -> tuple[str, str]:
    farm = Farm()
    [found] = farm.post([event]).refused
    assert not farm.entries()
    return found.reason, found.detail


def by_rule(farm: Farm) -> dict[str, str]:
    sums: dict[str, int] = {}
    for entry in farm.entries():
        sums[entry.line.rule] = sums.get(entry.line.rule, 0) + entry.line.amount
    return {rule: tonnes_text(mg) for rule, mg in sums.items()}


def test_nothing_counts_unless_it_is_shown() -> None:
    farm = Farm()
    farm.post([straw("s", "1920"), manure("m", parcel_id="barn")])
    assert set(by_rule(farm)) == {"straw.regression", "manure.systems"}


@pytest.mark.parametrize(
    ("crop", "share", "tonnes"),
    [
        # 1 t/ha on 100 ha: (2.7 x 28 + 0.07 x 265) x 0.80 = 75.32 kg per t of rice straw.
        ("rice", "1", "7.532"),
        ("rice", "0.25", "1.883"),
        ("wheat", "1", "8.4735"),
        ("rice", "0", "0"),
    ],
)
def test_straw_that_is_no_longer_burnt(crop: str, share: str, tonnes: str) -> None:
    farm = Farm()
    farm.post([straw("s", "1000", crop=crop, burnt_before=share)])
    assert by_rule(farm)[f"straw.burning.{crop}"] == tonnes


def test_straw_beyond_the_limit_saves_no_burning() -> None:
    farm = Farm()
    burnt = {"crop": "rice", "burnt_before": "1"}
    farm.post([straw("a", "14000", time="2020-01-01T00:00:00Z", **burnt)])
    farm.post([straw("b", "14000", time="2020-02-01T00:00:00Z", **burnt)])
    assert by_rule(farm)["straw.burning.rice"] == "112.98"


def test_biogas_counts_the_fuel_that_it_replaces() -> None:
    """1000 m3 x 21.5 MJ/m3 of diesel: 21.5 GJ x 0.0202 x 0.98 x 44/12."""
    farm = Farm()
    farm.post([manure("m", "0", **BIOGAS)])
    wanted = Fraction("21.5") * Fraction("0.0202") * Fraction("0.98") * 44 / 12
    assert by_rule(farm)["manure.biogas.diesel"] == f"{float(wanted):.9f}".rstrip("0")


def test_nitrogen_that_is_cut_counts_its_making_and_its_nitrous_oxide() -> None:
    """7.759 + (0.016 - 0.006) x 44/28 x 265 = 7.759 + 4.164 t per t."""
    farm = Farm()
    farm.post([manure("m", "700", **NITROGEN)])
    assert by_rule(farm)["manure.nitrogen"] == "11.923285714"


@pytest.mark.parametrize(
    ("days", "tonnes"), [(None, "3.65"), (0, "3.65"), (29, "3.65"), (30, "0.83"), (90, "0.83")]
)
def test_methane_of_flooded_rice_by_the_interval(days: int | None, tonnes: str) -> None:
    found = straw("p", "1920", "1", paddy=True, days_before_flooding=days).data
    penalty = straw_rules.paddy_penalty([found], 2020)  # type: ignore[list-item]
    assert f"{penalty / 10**9:.2f}" == tonnes


def test_returns_of_one_flooded_parcel_are_one_sum() -> None:
    records = [
        straw(name, "960", "1", paddy=True, days_before_flooding=10).data for name in ("a", "b")
    ]
    whole = [straw("w", "1920", "1", paddy=True, days_before_flooding=10).data]
    both = straw_rules.paddy_penalty(records, 2020)  # type: ignore[arg-type]
    assert both == straw_rules.paddy_penalty(whole, 2020)  # type: ignore[arg-type]


def test_a_return_of_no_straw_floods_nothing() -> None:
    """Whichever area it says."""
    one = straw("p", "1920", "1", paddy=True).data
    none = straw("q", "0", "50", paddy=True).data
    wanted = straw_rules.paddy_penalty([one], 2020)  # type: ignore[list-item]
    assert straw_rules.paddy_penalty([one, none], 2020) == wanted  # type: ignore[list-item]


def test_soil_from_samples() -> None:
    """(13.5 x 1.25 - 12.5 x 1.3) x 30 x 0.1 x 0.9 / 5 x 44/12 x 10 ha."""
    farm = Farm()
    farm.post([record("s", **SAMPLED)])
    wanted = (Fraction("16.875") - Fraction("16.25")) * 3 * Fraction("0.9") / 5 * 44 / 12 * 10
    assert tonnes_text(farm.totals().soil) == f"{float(wanted):.9f}".rstrip("0")
    assert set(by_rule(farm)) == {"soil.sampled"}


@pytest.mark.parametrize(
    ("event", "field", "expected"),
    [
        (record("x", **SAMPLED | {"stones": "1"}), "/data/stones", "from 0 to 0.95"),
        (record("x", **SAMPLED | {"depth_cm": "0"}), "/data/depth_cm", "from 1 to 200"),
        (record("x", **SAMPLED | {"soc_after_g_per_kg": "700"}), "/data/soc_after_g_per_kg", "600"),
        (
            record("x", **SAMPLED | {"bulk_density_before_g_per_cm3": "3"}),
            "/data/bulk_density_before_g_per_cm3",
            "from 0.1 to 2.65",
        ),
        (record("x", **SAMPLED | {"stock_years": None}), "/data/stock_years", "required"),
        (record("x", **SAMPLED | {"depth_cm": None}), "/data/depth_cm", "required"),
        (
            record("x", **SAMPLED | {"stock_before_t_per_ha": "40"}),
            "/data/soc_before_g_per_kg",
            "not both",
        ),
        (straw("x", "1", burnt_before="0.5"), "/data/crop", "required"),
        (straw("x", "1", crop="rice", burnt_before="1.5"), "/data/burnt_before", "from 0 to 1"),
        (
            manure("x", **BIOGAS, system_after="compost"),
            "/data/biogas_m3",
            "expected with system_after digester, got compost",
        ),
        (
            manure("x", **BIOGAS | {"biogas_replaces": "peat"}),
            "/data/biogas_replaces",
            "expected one of raw_coal",
        ),
        (
            manure("x", **BIOGAS | {"biogas_lhv_mj_per_m3": "60"}),
            "/data/biogas_lhv_mj_per_m3",
            "from 5 to 40",
        ),
        (manure("x", biogas_m3="5"), "/data/biogas_lhv_mj_per_m3", "required"),
        (manure("x", **NITROGEN | {"evidence": None}), "/data/evidence", "required"),
        (manure("x", **NITROGEN | {"evidence": ""}), "/data/evidence", "required"),
        (
            manure("x", **NITROGEN | {"synthetic_n_after_t": "9"}),
            "/data/synthetic_n_after_t",
            "expected less than the 9 t before, got 9",
        ),
        (
            # 13.5999 kg per head and year.
            manure("x", "70", **NITROGEN),
            "/data/synthetic_n_after_t",
            "a cut of at most 0.951993 t",
        ),
        (emission("x", "diesel", "1", "t", area_ha="-3"), "/data/area_ha", "from 0"),
        (emission("x", "diesel", "1", "t", area_ha="0"), "/data/area_ha", "above 0"),
        (soil("x", soc_after_g_per_kg="1"), "/data/soc_before_g_per_kg", "required"),
    ],
)
def test_refusals_of_terms(event: Event, field: str, expected: str) -> None:
    reason, detail = refusal(event)
    assert reason in ("bad_value", "missing_field", "unknown_source")
    assert field in detail and expected in detail
