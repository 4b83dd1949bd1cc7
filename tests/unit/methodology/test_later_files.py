"""Further editions of the data files beside the first: dates choose, and entries tell them apart."""

import shutil
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
