"""The secrets of a deployment, one file each: made when missing, never changed.

Made for one PostgreSQL server with a database and a role per service, as docker-compose.yml has.
"""

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from shared.auth.keys import KEY_FILE, create_keys, issue
from shared.settings import DOMAIN_SERVICES, Settings
from tanzhang.stack import StackError
from tanzhang.stack.local_keys import SERVICE_SCOPES, SERVICE_TOKEN_LIFE

PASSWORDS = (
    "erasure-key",
    "grafana-password",
    "kafka-password",
    "postgres-password",
    "webhook-key",
)
SERVICE_TOKEN = "service-token"
# Containers read their secrets as users of their own, from single files that are mounted into
# them; other users of this machine are kept out by the directory.
DIRECTORY_MODE, FILE_MODE = 0o700, 0o444


@dataclass(slots=True, frozen=True)
class Made:
    """Names of new files, and when the service token (made anew each time) stops counting."""

    files: list[str]
    token_until: datetime


def make(directory: Path, database: str, settings: Settings, now: datetime) -> Made:
    """Make what is missing; `database` is host:port. StackError when it cannot be written."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(DIRECTORY_MODE)
        values = _values(database, _auditing(directory))
        new = [name for name, text in values if _write_new(directory / name, text)]
        new += _make_keys(directory)
        _write_token(directory, settings, now)
    except (OSError, ValueError) as error:
        raise StackError(f"the secrets cannot be made: {error}") from error
    return Made(new, now + SERVICE_TOKEN_LIFE)


def _values(database: str, auditing: str) -> Iterator[tuple[str, str]]:
    """A value for each file; those that exist keep theirs."""
    for name in PASSWORDS:
        yield name, _password()
    for service in DOMAIN_SERVICES:
        yield f"{service}-database-url", _url(service, _password(), database, service)
    for service in DOMAIN_SERVICES:
        yield f"audit-{service}-database-url", _url("audit", auditing, database, service)


def _password() -> str:
    return secrets.token_hex(24)


def _auditing(directory: Path) -> str:
    """The auditor's password: it is one role, and its addresses are several files."""
    for service in DOMAIN_SERVICES:
        known = directory / f"audit-{service}-database-url"
        if known.exists() and (password := urlsplit(known.read_text()).password):
            return password
    return _password()


def _url(role: str, password: str, server: str, database: str) -> str:
    return f"postgresql://{role}:{password}@{server}/{database}"


def _make_keys(directory: Path) -> list[str]:
    """The signing key and its key set, as the services and `tanzhang token` read them."""
    was_there = (directory / KEY_FILE).exists()
    made = create_keys(directory)
    for path in made:
        path.chmod(FILE_MODE)
    return [] if was_there else [path.name for path in made]


def _write_token(directory: Path, settings: Settings, now: datetime) -> None:
    token = issue(
        directory / KEY_FILE,
        "tanzhang",
        SERVICE_SCOPES,
        (),
        ["*"],
        SERVICE_TOKEN_LIFE,
        settings.tanzhang_jwt_issuer,
        settings.tanzhang_jwt_audience,
        now,
    )
    draft = directory / f".{SERVICE_TOKEN}.new"
    draft.unlink(missing_ok=True)
    _write_new(draft, token)
    draft.replace(directory / SERVICE_TOKEN)


def _write_new(path: Path, text: str) -> bool:
    """Whether it was not there; never half written under its name."""
    if path.exists():
        return False
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
        os.fchmod(file.fileno(), FILE_MODE)
    draft.replace(path)
    return True
