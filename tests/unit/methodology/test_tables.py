"""The tables of fuels, power, heat and warming potentials, row by row as published."""

from datetime import date
from fractions import Fraction
from typing import cast, get_type_hints

import pytest

from shared.methodology import MethodologyError, MissingFigure, methodology
from shared.methodology.catalogue import GWP_VARIABLE, Methodology
from shared.methodology.factors import DEFAULT_GWP, GwpSet
from shared.methodology.files import DATA, load
from shared.methodology.rows import Fuel, GridRow
from shared.settings import Settings, SettingsError, from_environment

# name, NCV in GJ per unit, carbon in 10^-3 t C per GJ, oxidation in %, t CO2 per unit, confidence
SET_A = """
crude_oil           41.816  20.1   98   3.0202  V2
fuel_oil            41.816  21.1   98   3.1705  V2
gasoline            43.070  18.9   98   2.9251  V2
kerosene            43.070  19.6   98   3.0334  V2
diesel              42.652  20.2   98   3.0959  V2
lpg                 50.179  17.2   98   3.1013  V2
lng                 51.498  17.2   98   3.1829  V
refinery_gas        45.998  18.2   98   3.0082  V2
coal_tar            33.453  22.0   98   2.6446  V
petroleum_coke      32.5    27.5   98   3.2115  V
coke                28.435  29.42  93   2.8527  V2
raw_coal            20.908  26.37  94   1.9003  V
anthracite          26.7    27.4   94   2.5215  R
bituminous          19.570  26.1   93   1.7417  R
lignite             11.9    28.0   96   1.1729  R
washed_coal         26.334  25.41  90   2.2082  R
other_washed_coal   12.545  25.41  90   1.0519  R
briquette           17.460  33.6   90   1.9360  R
coal_gangue          8.374  25.41  98   0.7646  V
natural_gas        389.31   15.3   99  21.6219  V2
coke_oven_gas      179.81   13.58  99   8.8638  R
blast_furnace_gas   33.00   70.8   99   8.4811  V
converter_gas       84.00   49.6   99  15.1240  V
other_gas           52.27   12.2   99   2.3148  R
"""
SET_B = """
anthracite          24.515  27.49  94   2.3228  V
bituminous          23.204  26.18  93   2.0715  V
lignite             14.449  28.00  96   1.4241  V
washed_coal         26.344  25.40  93   2.2818  V
other_washed_coal   15.373  25.40  90   1.2886  V
briquette           17.46   33.60  90   1.9360  V
coke                28.446  29.40  93   2.8518  V
crude_oil           42.62   20.10  98   3.0783  V
fuel_oil            40.19   21.10  98   3.0472  V
gasoline            44.80   18.90  98   3.0425  V
diesel              43.33   20.20  98   3.1451  V
kerosene            44.75   19.60  98   3.1517  V
naphtha             41.031  20.00  98   2.9488  V
petroleum_coke      31.00   27.50  98   3.0633  V
other_petroleum     40.19   20.00  98   2.8883  V
coal_tar            33.453  22.00  98   2.6446  V
crude_benzol        41.816  22.70  98   3.4109  V
refinery_gas        46.05   18.20  99   3.0423  V
lpg                 47.31   17.20  99   2.9538  V
lng                 41.868  15.30  99   2.3253  V
natural_gas        389.31   15.30  99  21.6219  V
coke_oven_gas      173.854  13.60  99   8.5828  V
blast_furnace_gas   37.69   70.80  99   9.6865  V
converter_gas       79.54   49.60  99  14.3210  V
carbide_furnace_gas 111.19  39.51  99  15.9470  V
other_gas           52.34   12.20  99   2.3179  V
"""
GASES = {
    "natural_gas", "coke_oven_gas", "blast_furnace_gas", "converter_gas", "carbide_furnace_gas",
    "other_gas",
}  # fmt: skip
# Older or newer copies disagree with these rows; the note says how.
WITH_ALTERNATIVE = {
    "crude_oil", "kerosene", "lng", "refinery_gas", "coke", "anthracite", "bituminous", "lignite",
    "natural_gas", "coke_oven_gas",
}  # fmt: skip

GRID = """
zhejiang         0.5422 2021, 0.5153 2022
shanghai         0.5849 2022
jiangsu          0.5978 2022
anhui            0.6782 2022
fujian           0.4092 2022
jiangxi          0.5752 2022
east_china       0.5992 2021, 0.5617 2022, 0.5500 2023
north_china      0.6776 2022
northeast_china  0.5564 2022
central_china    0.5395 2022
northwest_china  0.5857 2022
south_china      0.3869 2022
southwest_china  0.2268 2022
national         0.6101 2015, 0.5568 2021, 0.5366 2022, 0.5306 2023
national_residual 0.5856 2022, 0.6096 2023
"""
ALTERNATIVES = {
    "fossil.2021": "0.8426",
    "fossil.2022": "0.8325",
    "fossil.2023": "0.8273",
    "footprint.2023": "0.6205",
    "reporting.2021": "0.5810",
    "reporting.2022": "0.5703",
    "reporting_east_china.2021": "0.7035",
}


def _fuels(file: str) -> dict[str, Fuel]:
    rows = methodology().files[file].latest.sections["fuels"]
    return {name: cast(Fuel, row) for name, row in rows.items()}


@pytest.mark.parametrize(
    ("file", "table", "sector"),
    [("fuels_set_a", SET_A, "3120"), ("fuels_set_b", SET_B, "1495")],
)
def test_every_fuel_of_a_set(file: str, table: str, sector: str) -> None:
    rows, published = _fuels(file), [line.split() for line in table.strip().splitlines()]
    assert [fields[0] for fields in published] == list(rows)
    for name, ncv, carbon, oxidation, factor, confidence in published:
        row = rows[name]
        assert row.ncv == Fraction(ncv), name
        assert row.carbon == Fraction(carbon) / 1000, name
        assert row.oxidation == Fraction(oxidation) / 100, name
        exact = row.ncv * row.carbon * row.oxidation * Fraction(44, 12)
        assert round(exact, 4) == Fraction(factor), name
        assert row.confidence == confidence, name
        taken = methodology().fuel_factor(sector, name, date(2022, 6, 1))
        assert (taken.t_per_unit, taken.id, taken.fallback) == (exact, f"fuel.{name}", False)
        assert taken.unit == ("1e4Nm3" if name in GASES else "t")
        assert taken.set == file.replace("_set", "")


def test_what_other_copies_give_is_noted() -> None:
    noted = {name for name, row in _fuels("fuels_set_a").items() if row.note}
    assert noted == WITH_ALTERNATIVE


def test_every_figure_of_the_grid() -> None:
    rows = methodology().files["grid"].latest.sections["grid"].values()
    published = {
        (line.split()[0], int(year), Fraction(value))
        for line in GRID.strip().splitlines()
        for value, year in (part.split() for part in line.partition(" ")[2].split(","))
    }
    found = {(row.region, row.year, Fraction(row.value)) for row in map(_grid, rows)}
    assert found == published


def _grid(row: object) -> GridRow:
    return cast(GridRow, row)


@pytest.mark.parametrize(("name", "value"), ALTERNATIVES.items())
def test_published_alternatives(name: str, value: str) -> None:
    factor = methodology().alternative_factor(name)
    assert factor.t_per_unit == Fraction(value)
    assert factor.note
    assert set(methodology().files["grid"].latest.sections["alternatives"]) == set(ALTERNATIVES)


def test_who_claims_green_power_may_take_the_residual_mix_for_the_rest() -> None:
    factor = methodology().electricity_factor("national_residual", 2023)
    assert (factor.t_per_unit, factor.fallback) == (Fraction("0.6096"), False)
    assert methodology().electricity_factor("national_residual", 2021).fallback


@pytest.mark.parametrize(
    ("gwp_set", "ch4", "n2o", "sf6"),
    [
        ("SAR", "21", "310", "23900"),
        ("AR4", "25", "298", "22800"),
        ("AR5", "28", "265", "23500"),
        ("AR6", "27.9", "273", None),
    ],
)
def test_warming_potentials_of_a_set(gwp_set: str, ch4: str, n2o: str, sf6: str | None) -> None:
    figures = Methodology(load(DATA), gwp_set)  # type: ignore[arg-type]
    assert [figures.gwp("CH4"), figures.gwp("N2O")] == [Fraction(ch4), Fraction(n2o)]
    acid = figures.activity("nitric_acid.high_pressure").factor
    assert acid.t_per_unit == Fraction("0.0139") * Fraction(n2o)
    assert acid.version == f"1+{gwp_set}"
    assert figures.agri().label.endswith(f"+{gwp_set}")
    if sf6 is None:
        with pytest.raises(MissingFigure, match="AR6 has no warming potential of SF6; it has CO2"):
            figures.activity("leak.SF6")
    else:
        assert figures.activity("leak.SF6").factor.t_per_unit == Fraction(sf6)


def test_the_default_set_and_how_a_city_chooses_another(monkeypatch: pytest.MonkeyPatch) -> None:
    assert methodology().gwp_set == "AR5"
    read = methodology.__wrapped__
    monkeypatch.setenv(GWP_VARIABLE, "AR4")
    assert read(DATA).gwp("CH4") == 25
    monkeypatch.setenv(GWP_VARIABLE, "AR7")
    with pytest.raises(MethodologyError, match="TANZHANG_GWP_SET: expected one of SAR, AR4, AR5"):
        read(DATA)


def test_the_setting_knows_the_same_sets() -> None:
    assert from_environment({"TANZHANG_GWP_SET": "AR6"}).tanzhang_gwp_set == "AR6"
    assert get_type_hints(Settings)["tanzhang_gwp_set"] == GwpSet
    assert from_environment({}).tanzhang_gwp_set == DEFAULT_GWP
    with pytest.raises(SettingsError, match="TANZHANG_GWP_SET"):
        from_environment({"TANZHANG_GWP_SET": "AR7"})


def test_a_gas_without_a_figure_is_refused() -> None:
    with pytest.raises(MissingFigure, match="AR5 has no warming potential of NF3; it has CO2"):
        methodology().gwp("NF3")


def test_the_origin_of_any_figure_is_found_by_its_name() -> None:
    figures = methodology()
    for figure in figures.figures():
        assert figures.origin(figure.set, figure.version, figure.id) == figure
    diesel = figures.fuel_factor("3120", "diesel", date(2022, 1, 1))
    assert figures.origin("fuels_a", "1", "fuel.diesel") == diesel
    sar = figures.origin("process", "1+SAR", "process.adipic_acid")
    assert sar is not None
    assert (sar.source, sar.confidence) == ("chemical guideline", "R")
    assert figures.origin("fuels_a", "0", "fuel.diesel") is None


def test_the_origin_of_a_figure_is_known_when_the_chosen_set_lacks_its_gas() -> None:
    origin = Methodology(load(DATA), "AR6").origin("process", "1+AR5", "process.leak.SF6")
    assert origin is not None
    assert (origin.source, origin.confidence) == ("machinery guideline", "R")
