import pytest
from typer.testing import CliRunner

from shared.settings import Settings, SettingsError
from tanzhang import serving
from tanzhang.cli import app

COMMANDS = [info.name for info in app.registered_commands]
GROUPS = [
    (group.name, command.name)
    for group in app.registered_groups
    if group.typer_instance is not None
    for command in group.typer_instance.registered_commands
]


@pytest.mark.parametrize("words", [[name] for name in COMMANDS] + [list(pair) for pair in GROUPS])
def test_every_command_explains_itself(words: list[str]) -> None:
    result = CliRunner().invoke(app, [*words, "--help"])
    assert result.exit_code == 0, result.output
    assert f"Usage: tanzhang {' '.join(words)}" in result.output


def test_what_a_person_can_put_right_is_a_sentence_and_exit_code_1() -> None:
    environment = {"DATABASE_URL": "", "AGRI_DATABASE_URL": ""}
    result = CliRunner().invoke(app, ["migrate", "agri"], env=environment)
    assert result.exit_code == 1
    assert result.stderr.startswith("tanzhang: AGRI_DATABASE_URL (or DATABASE_URL) is not set")


def test_a_wrong_setting_is_named() -> None:
    result = CliRunner().invoke(app, ["topics"], env={"TANZHANG_PARTITIONS": "many"})
    assert result.exit_code == 1
    assert "TANZHANG_PARTITIONS" in result.stderr


def test_a_wrong_service_is_answered_with_the_list() -> None:
    result = CliRunner().invoke(app, ["run", "weather"])
    assert result.exit_code == 2
    assert "'ingest'" in result.stderr


def test_a_service_whose_database_is_not_given_does_not_start() -> None:
    with pytest.raises(SettingsError, match=r"AGRI_DATABASE_URL .* is not set"):
        serving._app("agri", "worker", Settings())
