"""`tanzhang token`: access to a local stack."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from tanzhang.commands.options import DEFAULT_DIRECTORY, DataDir


def token(
    client: Annotated[str, typer.Option(help="The client's name, as metrics show it.")] = "local",
    scope: Annotated[
        list[str] | None,
        typer.Option(help="A scope, such as events:write:payments; repeat it. Default: all."),
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(help="A CloudEvents source the client speaks for; repeat it. Default: *"),
    ] = None,
    subject: Annotated[
        list[str] | None,
        typer.Option(
            help="A subject, or jsrcb:* for all of a bank; repeat it. Default: *; with --bank its own"
        ),
    ] = None,
    bank: Annotated[
        str | None,
        typer.Option(
            help="The token is this bank's (or another institution's): it reads persons only "
            "under a consent given to that name, and beside it its own customers' accounts."
        ),
    ] = None,
    hours: Annotated[float, typer.Option(min=0.01, max=8784, help="How long it is valid.")] = 24,
    key: Annotated[
        Path | None,
        typer.Option(help="An Ed25519 signing key (PEM). Default: the data directory's own."),
    ] = None,
    data_dir: DataDir = DEFAULT_DIRECTORY,
) -> None:
    """Print a bearer token for the stack of the data directory, or signed with another key.

    curl -H "Authorization: Bearer $(tanzhang token)" http://127.0.0.1:8106/v1/accounts/...
    """
    from shared.auth.principal import SCOPES
    from shared.settings import from_environment
    from tanzhang.stack import local_keys

    typer.echo(
        local_keys.token(
            data_dir,
            from_environment(),
            client=client,
            scopes=scope or list(SCOPES),
            sources=source or ["*"],
            subjects=subject or ["*" if bank is None else f"{bank}:*"],
            lifetime=timedelta(hours=hours),
            bank=bank,
            key=key,
        )
    )
