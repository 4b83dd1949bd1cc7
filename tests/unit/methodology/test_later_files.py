"""Further editions of the data files beside the first: dates choose, and entries tell them apart."""

import shutil
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from shared.methodology import MethodologyError
from shared.methodology.catalogue import Methodology
from shared.methodology.files import DATA, load


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def add(data: Path, name: str, *changes: tuple[str, str]) -> Path:
    """A further edition of a file, with these texts for others."""
    text = (data / f"{name}.yaml").read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    later = data / f"{name}-later.yaml"
    later.write_text(text, encoding="utf-8")
    return later


BEGINS = ("valid_from: 2010-01-01", "valid_from: 2026-01-01")
VERSION_2 = ('version: "1"', 'version: "2"')
HAINAN = "\ngrid:\n  hainan.2023: {region: hainan, year: 2023, value: 0.4184}\n"


def test_a_region_that_came_later_takes_the_national_factor_before(data: Path) -> None:
    begins = ("valid_from: 2015-01-01", "valid_from: 2023-01-01")
    add(data, "grid", VERSION_2, begins, ("\ngrid:\n", HAINAN))
    figures = Methodology(load(data))
    assert "hainan" in figures.grid_regions()
    own = figures.electricity_factor("hainan", 2024)
    assert (own.id, own.version, own.fallback) == ("grid.hainan.2023", "2", False)
    national = figures.electricity_factor("hainan", 2022)
    assert (national.id, national.version, national.fallback) == ("grid.national.2022", "1", True)
    assert national.warning == "no factor of hainan up to 2022; national 2022 taken"
    with pytest.raises(MethodologyError, match="unknown grid region 'atlantis'; expected anhui"):
        figures.electricity_factor("atlantis", 2022)


def test_warming_potentials_count_from_the_day_of_their_edition(data: Path) -> None:
    begins = ("valid_from: 1990-01-01", "valid_from: 2027-01-01")
    add(data, "gwp", VERSION_2, begins, ("CH4: 28,", "CH4: 29.8,"))
    figures = Methodology(load(data))
    before, after = date(2026, 12, 31), date(2027, 1, 1)
    water = [figures.activity("wastewater.anaerobic", on).factor for on in (before, after)]
    assert [w.t_per_unit for w in water] == [Fraction("5.6"), Fraction("5.96")]
    # An entry tells with which potentials it was computed.
    assert [w.version for w in water] == ["1+AR5", "1+AR5.2"]
    for figure in water:
        assert figures.origin(figure.set, figure.version, figure.id) is not None
    assert figures.activity("lime", after).factor.version == "1"
    farms = [figures.agri(on=on) for on in (before, after)]
    assert [farm.gwp_ch4 for farm in farms] == [28, Fraction("29.8")]
    assert [farm.label for farm in farms] == ["agri@1+IPCC2019+AR5", "agri@1+IPCC2019+AR5.2"]
    manure = [figures.farm_factor("manure.growing_pig.pit_long", on) for on in (before, after)]
    assert manure[0].t_per_unit < manure[1].t_per_unit
    assert [figures.gwp("CH4", on=before), figures.gwp("CH4")] == [28, Fraction("29.8")]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([BEGINS], r"version: expected another one than that of fuels_set_a\.yaml"),
        ([VERSION_2, BEGINS, ("set: fuels_a", "set: fuels_b")], "set: expected fuels_a, as in"),
    ],
)
def test_editions_of_a_file_can_be_told_apart(
    data: Path, changes: list[tuple[str, str]], message: str
) -> None:
    add(data, "fuels_set_a", *changes)
    with pytest.raises(MethodologyError, match=rf"fuels_set_a-later\.yaml:\d+: {message}"):
        load(data)


def test_what_is_no_division_decides_on_no_fuel_set(data: Path) -> None:
    """A row that no code would ever find is refused, not passed over."""
    row = "divisions:\n  '301': {fuels: fuels_b, name_en: cement, name_zh: 水泥}\n"
    add(data, "sector_sets", VERSION_2, BEGINS, ("divisions:\n", row))
    expected = r"sector_sets-later\.yaml:\d+: divisions\.301: expected the two digits of a division"
    with pytest.raises(MethodologyError, match=expected):
        load(data)


def test_an_edition_ends_after_it_begins(data: Path) -> None:
    begins, ends = BEGINS[1], "valid_to: 2026-01-01"
    add(data, "fuels_set_a", VERSION_2, (BEGINS[0], f"{begins}\n{ends}"))
    expected = r"fuels_set_a-later\.yaml:\d+: valid_to: expected a day after 2026-01-01"
    with pytest.raises(MethodologyError, match=expected):
        load(data)
