"""`make check` finds generated files that are old, missing, or generated no more."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDERS = ("docs/openapi", "docs/schemas", "deploy/grafana/dashboards")
WRAPPED = f"include {ROOT}/Makefile\ncompare:\n\t@$(call COMPARE,made)\n"


@pytest.fixture
def compared(tmp_path: Path) -> Path:
    """A folder with generated files, and in `made` the same ones made again."""
    for folder in FOLDERS:
        (tmp_path / "made" / folder).mkdir(parents=True)
        (tmp_path / "made" / folder / "one.json").write_text("{}\n")
    (tmp_path / "made" / "docs" / "metrics.md").write_text("# Metrics\n")
    shutil.copytree(tmp_path / "made", tmp_path, dirs_exist_ok=True)
    (tmp_path / "docs" / "operating.md").touch()
    (tmp_path / "compare.mk").write_text(WRAPPED)
    return tmp_path


def compare(folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["make", "-s", "-f", "compare.mk", "compare"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_same_is_fresh(compared: Path) -> None:
    ran = compare(compared)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@pytest.mark.parametrize("name", ["docs/metrics.md", "docs/schemas/one.json"])
def test_what_was_made_otherwise_is_not(compared: Path, name: str) -> None:
    (compared / name).write_text("old")
    ran = compare(compared)
    assert ran.returncode != 0
    assert name in ran.stdout


@pytest.mark.parametrize("name", ["docs/metrics.md", "docs/schemas/one.json"])
def test_nor_is_what_is_missing(compared: Path, name: str) -> None:
    (compared / name).unlink()
    ran = compare(compared)
    assert ran.returncode != 0
    assert Path(name).name in ran.stdout


@pytest.mark.parametrize("folder", FOLDERS)
def test_nor_what_is_made_no_more(compared: Path, folder: str) -> None:
    (compared / folder / "gone.json").write_text("{}\n")
    ran = compare(compared)
    assert ran.returncode != 0
    assert "gone.json" in ran.stdout
