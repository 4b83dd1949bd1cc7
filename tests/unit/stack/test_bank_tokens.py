"""`tanzhang token --bank`: a token that reads persons under consents only."""

from pathlib import Path

import jwt
import pytest
from typer.testing import CliRunner

from shared.auth.keys import create_keys
from tanzhang.cli import app


def printed(directory: Path, *options: str) -> str:
    create_keys(directory / "keys")
    ran = CliRunner().invoke(app, ["token", "--data-dir", str(directory), *options])
    assert ran.exit_code == 0, ran.output
    return ran.stdout.strip()


@pytest.mark.parametrize(("options", "bank"), [([], None), (["--bank", "icbc"], "icbc")])
def test_a_token_names_its_bank(tmp_path: Path, options: list[str], bank: str | None) -> None:
    claims = jwt.decode(printed(tmp_path, *options), options={"verify_signature": False})
    assert claims.get("bank") == bank
    assert ("bank" in claims) == (bank is not None)


@pytest.mark.parametrize(
    ("options", "subjects"),
    [
        ([], ["*"]),
        (["--bank", "icbc"], ["icbc:*"]),
        (["--bank", "icbc", "--subject", "icbc:token-0001"], ["icbc:token-0001"]),
    ],
)
def test_a_banks_token_is_for_its_own_customers(
    tmp_path: Path, options: list[str], subjects: list[str]
) -> None:
    claims = jwt.decode(printed(tmp_path, *options), options={"verify_signature": False})
    assert claims["subjects"] == subjects
