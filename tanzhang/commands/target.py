"""Where commands post to: a stack of this machine, or any door that an option names."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from tanzhang.stack import directory, local_keys

IngestUrl = Annotated[
    str | None,
    typer.Option(
        "--ingest-url",
        help="Another door than that of the stack in --data-dir, such as https://ingest.example.",
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        envvar="TANZHANG_TOKEN",
        help="A bearer token. Default: one signed by the stack's own key.",
    ),
]
_LIFETIME = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Target:
    """URLs of services and the token to use with them (None: none is asked for)."""

    urls: dict[str, str]
    token: str | None


def local_stack(
    data_dir: Path,
    token: str | None,
    *,
    scopes: Iterable[str],
    sources: Iterable[str],
    subjects: Iterable[str],
) -> Target:
    """The running stack of the directory; StackError when none runs there."""
    state = directory.find(data_dir)
    settings, _ = directory.settings_of(data_dir)
    if token is None and settings.tanzhang_auth != "off":
        token = local_keys.token(
            data_dir,
            settings,
            client="tanzhang",
            scopes=scopes,
            sources=sources,
            subjects=subjects,
            lifetime=_LIFETIME,
        )
    return Target({service: state.url(service) for service in state.ports}, token)


def ingest_door(
    data_dir: Path,
    ingest_url: str | None,
    token: str | None,
    *,
    source: str,
    subject: str,
    topic: str = "meter-readings",
) -> Target:
    """The door named by an option, else that of the local stack."""
    if ingest_url is not None:
        if not _is_address(ingest_url):
            message = f"expected http:// or https:// and a host, got {ingest_url!r}"
            raise typer.BadParameter(message, param_hint="--ingest-url")
        # The stack's own key never signs for strangers.
        return Target({"ingest": ingest_url}, token)
    scopes = [f"events:write:{topic}"]
    return local_stack(data_dir, token, scopes=scopes, sources=[source], subjects=[subject])


def _is_address(text: str) -> bool:
    try:
        url = urlsplit(text)
    except ValueError:
        return False
    return url.scheme in ("http", "https") and bool(url.hostname)
