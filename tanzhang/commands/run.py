"""`tanzhang run SERVICE`: one service, one process."""

from typing import Annotated

import typer

from shared.settings import SERVICES, from_environment
from tanzhang.commands.options import Role, ServiceName
from tanzhang.stack.plan import DEFAULT_BASE_PORT


def run(
    service: Annotated[ServiceName, typer.Argument(help="The service.")],
    role: Annotated[
        Role,
        typer.Option(
            help="api answers HTTP, worker reads events (and has only probes and metrics), "
            "all does both; webhooks (of grading and points) delivers what clients subscribed to."
        ),
    ] = Role.all,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65_535, help="TCP port; by default the service's own, 8101 to 8106."
        ),
    ] = None,
) -> None:
    """Run one service until SIGTERM; its settings come from the environment.

    Exit code 1 when it cannot start or a part of it fails.
    """
    from tanzhang import serving

    own = DEFAULT_BASE_PORT + 1 + SERVICES.index(service.value)
    chosen = own if port is None else port
    raise typer.Exit(serving.run(service.value, role.value, from_environment(), chosen))
