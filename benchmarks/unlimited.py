"""`python -m benchmarks.unlimited SERVICE ...`: a worker without caps and tiers, to compare with.

The personal worker does not look for other payments under the same cap, which is right only when
there are none; the points worker's clock does not decide tiers. Nothing else is left out.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Annotated

import typer

from services.personal import store
from services.personal.domain import Slot, SlotState
from services.points import app, tiers
from services.points.store import Rows, State
from shared.database import Connection
from shared.settings import Settings, from_environment
from shared.stream.service import Service
from tanzhang import serving
from tanzhang.commands.options import Role, ServiceName

_with_tiers = app.service


async def _nothing_shared(connection: Connection, slots: Collection[Slot]) -> dict[Slot, SlotState]:
    return {}


def _without_tiers(settings: Settings) -> Service[State, Rows]:
    whole = _with_tiers(settings)
    return replace(whole, ticks=tuple(tick for tick in whole.ticks if tick is not tiers.tick))


def run(
    service: ServiceName,
    port: Annotated[int, typer.Option()],
    role: Annotated[Role, typer.Option()] = Role.worker,
) -> None:
    """Run one worker until SIGTERM."""
    store.load_slots = _nothing_shared
    app.service = _without_tiers
    raise typer.Exit(serving.run(service.value, role.value, from_environment(), port))


if __name__ == "__main__":
    typer.run(run)
