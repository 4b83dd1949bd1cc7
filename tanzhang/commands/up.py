"""`tanzhang up`: everything on one machine."""

import asyncio
import time
from typing import Annotated

import typer

from tanzhang.commands.options import DEFAULT_DIRECTORY, DataDir
from tanzhang.stack.plan import DEFAULT_BASE_PORT, Options


def up(
    data_dir: DataDir = DEFAULT_DIRECTORY,
    base_port: Annotated[
        int,
        typer.Option(
            min=0,
            max=65_519,
            help="Services listen on base + 1 (ingest) to base + 6 (points); 0: any free ports.",
        ),
    ] = DEFAULT_BASE_PORT,
    webhooks: Annotated[
        bool, typer.Option(help="Deliver webhooks too, by processes at base + 15 and base + 16.")
    ] = True,
) -> None:
    """Run PostgreSQL, a broker and the six services on this machine, until Ctrl-C.

    Nothing has to be installed beforehand, and the ledgers survive a restart. DATABASE_URL
    (or PERSONAL_DATABASE_URL, ...) and KAFKA_BOOTSTRAP_SERVERS point the services at servers
    of yours; then none of that kind is started. Logs are in <data-dir>/logs.
    """
    asyncio.run(_up(Options(data_dir=data_dir, base_port=base_port, webhooks=webhooks)))


async def _up(options: Options) -> None:
    from rich.console import Console
    from rich.table import Table

    from tanzhang.stack import supervisor

    began = time.monotonic()
    console = Console(highlight=False, markup=False, soft_wrap=True)
    async with supervisor.running(options, say=console.print) as stack:
        table = Table("service", "address", "documentation", title="tanzhang 碳账")
        for service in stack.started.ports:
            url = stack.started.url(service)
            table.add_row(service, url, f"{url}/docs")
        console.print(table)
        console.print(f"ready in {time.monotonic() - began:.1f} s; Ctrl-C stops it.")
        place = "" if options.data_dir == DEFAULT_DIRECTORY else f" --data-dir '{options.data_dir}'"
        console.print(f"A bearer token for it: tanzhang token{place} (--help: for less than all)")
        await supervisor.watch(stack)
        console.print("Stopping: the door first, the rest when all is worked off ...")
    console.print("stopped")
