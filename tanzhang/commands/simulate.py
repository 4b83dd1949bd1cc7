"""`tanzhang simulate`: a whole city, posted to a running stack."""

import asyncio
from typing import TYPE_CHECKING

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
from tanzhang.commands.target import Target, Token, local_stack

if TYPE_CHECKING:
    from tanzhang.simulation import City

_REJECTIONS_SHOWN = 20


def simulate(
    seed: Seed = 1,
    enterprises: Enterprises = 600,
    farms: Farms = 180,
    customers: Customers = 100_000,
    payments: Payments = 300_000,
    year: Year = 2020,
    concurrency: Concurrency = 4,
    token: Token = None,
    data_dir: DataDir = DEFAULT_DIRECTORY,
) -> None:
    """Register a simulated city and post a year of its events.

    The golden accounts are left before their reduction: `tanzhang demo` goes on from there.
    Posting the same city again changes nothing.
    """
    from shared.auth.principal import SCOPES
    from tanzhang.posting import PostingError

    made = simulated_city(
        seed,
        enterprises=enterprises,
        farms=farms,
        customers=customers,
        payments=payments,
        year=year,
    )
    scopes = [s for s in SCOPES if s.startswith(("events:write:", "registry:", "benchmarks:"))]
    target = local_stack(data_dir, token, scopes=scopes, sources=made.sources(), subjects=["*"])
    try:
        rejected = asyncio.run(_simulate(made, target, concurrency))
    except PostingError as error:
        typer.echo(f"tanzhang: {error}\nSimulating the same city again is safe.", err=True)
        raise typer.Exit(1) from error
    if rejected:
        raise typer.Exit(1)


async def _simulate(made: "City", target: Target, concurrency: int) -> int:
    from tanzhang.commands.progress import counting_bar, posting_bar
    from tanzhang.posting import Rejection, client, post_events
    from tanzhang.simulation.registering import register

    shown = 0

    def report(rejection: Rejection) -> None:
        nonlocal shown
        shown += 1
        if shown <= _REJECTIONS_SHOWN:
            typer.echo(f"rejected {rejection.id}: {rejection.reason()}", err=True)

    registrations = sum(1 for _ in made.registry())
    with counting_bar("registry", registrations) as advance:
        await register(
            made.registry(), target.urls, target.token, concurrency=concurrency, on_done=advance
        )
    events = (posting.event for posting in made.events())
    async with client(target.urls["ingest"], target.token, concurrency=concurrency) as door:
        with posting_bar("events", made.event_count()) as moved:
            posted = await post_events(
                door, events, concurrency=concurrency, on_rejected=report, on_progress=moved
            )
    typer.echo(
        f"{registrations} registrations; {posted.sent} events sent, "
        f"{posted.accepted} accepted, {posted.rejected} rejected"
    )
    return posted.rejected
