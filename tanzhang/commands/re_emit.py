"""`tanzhang re-emit`: what a service has sent, sent again."""

import asyncio
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Annotated

import typer

from tanzhang.commands.options import DEFAULT_DIRECTORY, DataDir, DomainServiceName

if TYPE_CHECKING:
    from shared.settings import Settings


def re_emit(
    service: Annotated[DomainServiceName, typer.Argument(help="The service that sent it.")],
    since: Annotated[
        str,
        typer.Option(
            help="What was posted since then: a date (midnight in the city) such as 2026-03-01, "
            "or a time with its offset such as 2026-03-01T10:00:00+08:00."
        ),
    ],
    data_dir: DataDir = DEFAULT_DIRECTORY,
) -> None:
    """Send again what a service has sent since a time: for a broker that has lost it.

    Takes the stack of the data directory, or without one the databases that the environment
    names. The events are made from the ledger and put into the service's outbox, which the
    running service publishes. Who has them already is not disturbed: reductions, points and
    labels have the ids they had; accounts and tiers are told as they stand, as newer states.
    Of accounts erased since there is nothing to say.

    Can be run on a running system, and again. Prints how many events it were.
    """
    from tanzhang.stack import directory

    settings, _ = directory.settings_of(data_dir)
    begins = instant(since, settings.tanzhang_zone)
    events = asyncio.run(_re_emit(settings, service.value, begins))
    typer.echo(f"{service.value}: {events:,} events are sent again")


def instant(text: str, zone: str) -> datetime:
    """A day of the city (its beginning) or a time with an offset; BadParameter otherwise."""
    from zoneinfo import ZoneInfo

    try:
        return datetime.combine(date.fromisoformat(text), time(), ZoneInfo(zone))
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise typer.BadParameter(
            f"expected a date such as 2026-03-01 (midnight in {zone}) or a time with its offset "
            f"such as 2026-03-01T10:00:00+08:00, got {text!r}",
            param_hint="--since",
        )
    return found


async def _re_emit(settings: "Settings", service: str, since: datetime) -> int:
    from asyncpg import PostgresError

    from shared.database import TRANSIENT, reason
    from shared.settings import SettingsError
    from tanzhang.commands.progress import accounts_bar
    from tanzhang.re_emission import re_emit as re_emit_all

    try:
        with accounts_bar(service) as on_lot:
            return await re_emit_all(settings, service, since, datetime.now(UTC), on_lot=on_lot)
    except (*TRANSIENT, PostgresError) as error:
        why = reason(error)
        raise SettingsError(f"the database of {service} does not do it: {why}") from error
