"""At the door: which fields of a farm record belong together."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from shared.events.envelope import EventError, decode

Sample = Callable[..., dict[str, Any]]
NO_STRAW = {"straw_kg_per_ha": ...}
SAMPLES = {
    "pathway": "soil_carbon",
    "soc_before_g_per_kg": "12.5",
    "soc_after_g_per_kg": "13.5",
    "bulk_density_before_g_per_cm3": "1.3",
    "bulk_density_after_g_per_cm3": "1.25",
    "depth_cm": 30,
    "stones": "0.1",
    "stock_years": 5,
}
MANURE = {
    "pathway": "manure_utilisation",
    "area_ha": ...,
    "animal": "growing_pig",
    "heads": 700,
    "system_before": "pit_long",
    "system_after": "digester",
}
BIOGAS = {"biogas_m3": 1000, "biogas_lhv_mj_per_m3": "21.5", "biogas_replaces": "diesel"}
NITROGEN = {"synthetic_n_before_t": 9, "synthetic_n_after_t": 8, "evidence": "ledger/7"}


@pytest.mark.parametrize(
    "data",
    [
        {"crop": "rice", "burnt_before": "0.3"},
        {"paddy": True, "days_before_flooding": 12},
        NO_STRAW | SAMPLES,
        NO_STRAW | SAMPLES | {"since": 2018, "evidence": "lab/3"},
        NO_STRAW | MANURE | BIOGAS,
        NO_STRAW | MANURE | NITROGEN,
        NO_STRAW | MANURE | {"evidence": "scan/1"},
        NO_STRAW | {"pathway": "emission", "source": "diesel", "quantity": 1, "unit": "t"},
    ],
)
def test_what_the_door_lets_in(sample: Sample, data: dict[str, Any]) -> None:
    assert decode(msgspec.json.encode(sample("farm", data=data)), strict=True).id


@pytest.mark.parametrize(
    ("data", "where", "said"),
    [
        ({"crop": "rice"}, "/data/burnt_before", "is required"),
        ({"crop": "maize", "burnt_before": 1}, "/data/crop", "must be one of: rice, wheat"),
        ({"crop": "rice", "burnt_before": 2}, "/data/burnt_before", "must lie in 0 to 1"),
        ({"days_before_flooding": 3}, "/data/days_before_flooding", "is for paddy true only"),
        (
            {"paddy": True, "days_before_flooding": 400},
            "/data/days_before_flooding",
            "must lie in 0 to 366",
        ),
        (NO_STRAW | SAMPLES | {"depth_cm": ...}, "/data/depth_cm", "is required"),
        (NO_STRAW | SAMPLES | {"stones": 1}, "/data/stones", "must lie in 0 to 0.95"),
        (
            NO_STRAW | SAMPLES | {"stock_before_t_per_ha": 40},
            "/data/stock_before_t_per_ha",
            "does not belong to soil_carbon",
        ),
        (NO_STRAW | MANURE | {"biogas_m3": 5}, "/data/biogas_lhv_mj_per_m3", "is required"),
        (NO_STRAW | MANURE | NITROGEN | {"evidence": ...}, "/data/evidence", "is required"),
        (BIOGAS, "/data/biogas_lhv_mj_per_m3", "does not belong to straw_return"),
    ],
)
def test_what_it_refuses(sample: Sample, data: dict[str, Any], where: str, said: str) -> None:
    with pytest.raises(EventError) as refused:
        decode(msgspec.json.encode(sample("farm", data=data)), strict=True)
    errors = {error.pointer: error.detail for error in refused.value.errors}
    assert said in errors[where]
