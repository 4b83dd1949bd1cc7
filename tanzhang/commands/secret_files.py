"""`tanzhang secrets`: what a deployment keeps secret, made once."""

from pathlib import Path
from typing import Annotated

import typer


def make_secrets(
    directory: Annotated[Path, typer.Argument(help="Made when missing, for its owner only.")],
    database: Annotated[
        str, typer.Option(help="host:port of the PostgreSQL server, for the databases' addresses.")
    ] = "postgres:5432",
) -> None:
    """Make the secrets of a deployment: passwords, database addresses, a signing key.

    One file each; what exists is kept, so it can be run again. The token with which services ask
    each other is made anew each time: run it before that one ends, and restart the services.
    """
    from datetime import UTC, datetime

    from shared.settings import from_environment
    from tanzhang.secret_files import make

    made = make(directory, database, from_environment(), datetime.now(UTC))
    typer.echo(f"{directory}: {len(made.files)} secrets made")
    typer.echo(f"the services' token counts until {made.token_until:%Y-%m-%d}")
