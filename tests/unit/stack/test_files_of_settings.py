"""Settings in files count wherever a command looks what is given."""

from pathlib import Path

import pytest

from tanzhang.demo.place import own_environment
from tanzhang.stack import directory, plan

URL = "postgresql://role:secret@db/one"


@pytest.fixture
def address(tmp_path: Path) -> str:
    """The path of a file with a database's address."""
    file = tmp_path / "url"
    file.write_text(f"{URL}\n")
    return str(file)


def test_a_command_finds_the_databases_by_files(tmp_path: Path, address: str) -> None:
    given = {"AGRI_DATABASE_URL_FILE": address}
    settings, state = directory.settings_of(tmp_path, given)
    assert (settings.database("agri"), state) == (URL, None)


def test_up_embeds_nothing_that_a_file_names(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("DATABASE_URL_FILE", address)
    assert plan.Options().services_without_database() == []


def test_a_demonstration_keeps_away_from_databases_in_files(address: str) -> None:
    given = {"DATABASE_URL_FILE": address, "AGRI_DATABASE_URL_FILE": address, "HOME": "/"}
    assert own_environment(given) == {"HOME": "/"}
