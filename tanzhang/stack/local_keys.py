"""The stack's own signing key: services trust it, and `tanzhang token` issues from it."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared.settings import Settings, from_environment
from tanzhang.stack import StackError

KEYS = "keys"
# What one service asks another.
SERVICE_SCOPES = (
    "industrial:read",
    "agri:read",
    "personal:read",
    "labels:read",
    "points:read",
    "consents:read",
)
SERVICE_TOKEN_LIFE = timedelta(days=366)


def environment(directory: Path, given: Mapping[str, str]) -> dict[str, str]:
    """TANZHANG_JWKS and TANZHANG_SERVICE_TOKEN; nothing where the caller brings own keys."""
    if given.get("TANZHANG_JWKS") or given.get("TANZHANG_AUTH") == "off":
        return {}
    from shared.auth.keys import create_keys

    _, key_set = create_keys(directory / KEYS)
    made = {"TANZHANG_JWKS": str(key_set)}
    if not given.get("TANZHANG_SERVICE_TOKEN"):
        made["TANZHANG_SERVICE_TOKEN"] = token(
            directory,
            from_environment(given),
            client="tanzhang",
            scopes=SERVICE_SCOPES,
            subjects=["*"],
            lifetime=SERVICE_TOKEN_LIFE,
        )
    return made


def token(
    directory: Path,
    settings: Settings,
    *,
    client: str,
    scopes: Iterable[str],
    sources: Iterable[str] = (),
    subjects: Iterable[str] = (),
    lifetime: timedelta,
    bank: str | None = None,
    key: Path | None = None,
) -> str:
    """A token signed by the key file, without one by the directory's own key.

    StackError when there is no such key or a scope is unknown.
    """
    from shared.auth.keys import issue  # slow to import, and `--help` needs it not

    signing_key = key or _key_of(directory)
    try:
        return issue(
            signing_key,
            client,
            scopes,
            sources,
            subjects,
            lifetime,
            settings.tanzhang_jwt_issuer,
            settings.tanzhang_jwt_audience,
            datetime.now(UTC),
            bank,
        )
    except ValueError as error:
        raise StackError(str(error)) from error
    except OSError as error:
        raise StackError(f"the signing key {signing_key} cannot be read: {error}") from error


def _key_of(directory: Path) -> Path:
    from shared.auth.keys import KEY_FILE

    key = directory / KEYS / KEY_FILE
    if not key.exists():
        raise StackError(
            f"{directory} has no signing key: `tanzhang up` makes one, unless TANZHANG_JWKS "
            "is set (then tokens come from the issuer of those keys)"
        )
    return key
