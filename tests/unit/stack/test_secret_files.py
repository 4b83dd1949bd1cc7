"""`tanzhang secrets`: what a deployment keeps secret, made once and kept."""

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import jwt
import pytest
from typer.testing import CliRunner

from shared.auth.keys import KEY_FILE
from shared.settings import DOMAIN_SERVICES, Settings
from tanzhang import secret_files
from tanzhang.cli import app
from tanzhang.stack import StackError
from tanzhang.stack.local_keys import SERVICE_SCOPES

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def make(directory: Path) -> list[str]:
    return secret_files.make(directory, "db:5432", Settings(), NOW).files


def contents(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir()}


def test_other_users_are_kept_out_and_containers_are_not(tmp_path: Path) -> None:
    directory = tmp_path / "secrets"
    directory.mkdir(mode=0o755)
    make(directory)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in directory.iterdir()} == {0o444}


def test_no_two_passwords_are_alike(tmp_path: Path) -> None:
    make(tmp_path)
    urls = [(tmp_path / f"{s}-database-url").read_text() for s in DOMAIN_SERVICES]
    found = [urlsplit(url.strip()).password for url in urls]
    found += [(tmp_path / name).read_text().strip() for name in secret_files.PASSWORDS]
    found.append(urlsplit((tmp_path / "audit-agri-database-url").read_text()).password)
    assert len(set(found)) == len(found)
    assert all(password and len(password) == 48 for password in found)


@pytest.mark.parametrize("service", DOMAIN_SERVICES)
def test_each_service_has_its_own_role_and_database(tmp_path: Path, service: str) -> None:
    make(tmp_path)
    url = urlsplit((tmp_path / f"{service}-database-url").read_text().strip())
    assert (url.scheme, url.username, url.path) == ("postgresql", service, f"/{service}")
    assert url.netloc.rpartition("@")[2] == "db:5432"


def test_the_auditor_is_one_role_also_when_an_address_was_lost(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "audit-agri-database-url").unlink()
    assert make(tmp_path) == ["audit-agri-database-url"]
    urls = [(tmp_path / f"audit-{s}-database-url").read_text() for s in DOMAIN_SERVICES]
    assert len({(urlsplit(url).username, urlsplit(url).password) for url in urls}) == 1


def test_what_exists_is_kept(tmp_path: Path) -> None:
    make(tmp_path)
    before = contents(tmp_path)
    assert make(tmp_path) == []
    after = contents(tmp_path)
    assert {name for name in after if after[name] != before[name]} == {"service-token"}


def test_the_token_of_the_services_says_what_they_ask_each_other(tmp_path: Path) -> None:
    until = secret_files.make(tmp_path, "db:5432", Settings(), NOW).token_until
    token = (tmp_path / "service-token").read_text().strip()
    claims = jwt.decode(token, options={"verify_signature": False})
    assert set(claims["scope"].split()) == set(SERVICE_SCOPES)
    assert claims["exp"] == until.timestamp()


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match=r"the secrets cannot be made: .*file"):
        make(tmp_path / "file")


def test_a_token_may_be_signed_with_a_key_that_is_given(tmp_path: Path) -> None:
    make(tmp_path)
    ran = CliRunner().invoke(app, ["token", "--key", str(tmp_path / KEY_FILE)])
    assert ran.exit_code == 0, ran.output
    assert jwt.decode(ran.stdout.strip(), options={"verify_signature": False})["sub"] == "local"


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["token", "--key", str(tmp_path / "none.pem")])
    assert ran.exit_code == 1
    assert f"the signing key {tmp_path / 'none.pem'} cannot be read" in ran.output
