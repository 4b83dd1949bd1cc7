"""`tanzhang demo`: a simulated city through the real services, every figure checked."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tanzhang.commands.options import (
    DEFAULT_DIRECTORY,
    Concurrency,
    Customers,
    DataDir,
    Enterprises,
    Farms,
    Payments,
    Seed,
    Year,
    simulated_city,
)

if TYPE_CHECKING:
    from tanzhang.demo import Demo, Outcome


def demo(
    enterprises: Enterprises = 600,
    farms: Farms = 180,
    customers: Customers = 100_000,
    payments: Payments = 300_000,
    seed: Seed = 1,
    year: Year = 2020,
    kill_workers: Annotated[
        int, typer.Option(min=0, help="Kill a service at so many random moments meanwhile.")
    ] = 0,
    concurrency: Concurrency = 4,
    patience: Annotated[
        float, typer.Option(min=1, help="Seconds without any progress before giving up.")
    ] = 120.0,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the ledgers afterwards.")] = False,
    data_dir: DataDir = DEFAULT_DIRECTORY,
) -> None:
    """Post a simulated city through the six services and check what comes out.

    Starts a stack of its own in a fresh directory below the data directory, on free ports,
    whatever other servers the environment names. Registers and posts the city over HTTP, waits
    until all is posted, compares the golden numbers, the payments and the points with what they
    must be, and audits every ledger. Exit code 1 when anything differs.
    """
    from tanzhang.demo import Demo

    made = simulated_city(
        seed,
        enterprises=enterprises,
        farms=farms,
        customers=customers,
        payments=payments,
        year=year,
    )
    wanted = Demo(made, kill_workers, concurrency, patience)
    if not _shown(wanted, data_dir, keep):
        raise typer.Exit(1)


def _shown(wanted: "Demo", data_dir: Path, keep: bool) -> bool:
    """Play it and show the result; whether all was as expected."""
    from shared.database import TRANSIENT
    from tanzhang.audit.errors import AuditError
    from tanzhang.demo.place import fresh_directory
    from tanzhang.demo.screen import show
    from tanzhang.posting import PostingError
    from tanzhang.stack import StackError

    with fresh_directory(data_dir, keep=keep) as directory:
        try:
            outcome = asyncio.run(_played(wanted, directory))
        except (AuditError, PostingError, *TRANSIENT) as error:
            raise StackError(f"the demo ended early: {error}") from error
        show(outcome)
        if keep:
            typer.echo(f"Its ledgers stay: tanzhang up --data-dir '{directory}'")
    return outcome.agrees


async def _played(wanted: "Demo", directory: Path) -> "Outcome":
    from tanzhang.demo import play
    from tanzhang.demo.place import own_environment
    from tanzhang.demo.telling import teller
    from tanzhang.stack import supervisor
    from tanzhang.stack.plan import Options

    options = Options(
        data_dir=directory,
        base_port=0,
        webhooks=False,
        restart=wanted.kill_workers > 0,
        environment=own_environment(os.environ),
    )
    told = teller()
    async with supervisor.running(options, say=told.say) as stack:
        outcome = await supervisor.supervised(stack, play(wanted, stack, told))
        told.say("Stopping ...")
    return outcome
