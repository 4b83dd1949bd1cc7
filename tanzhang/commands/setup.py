"""`tanzhang migrate` and `tanzhang topics`: databases and topics before the first start."""

import asyncio
from typing import Annotated

import typer

from shared.settings import DOMAIN_SERVICES, SettingsError, from_environment
from tanzhang.commands.options import DomainServiceName


def migrate(
    services: Annotated[
        list[DomainServiceName] | None, typer.Argument(help="Which services; all by default.")
    ] = None,
) -> None:
    """Bring the services' databases to the newest version; safe to run again, or twice at once."""
    chosen = [service.value for service in services] if services else list(DOMAIN_SERVICES)
    asyncio.run(_migrate(chosen))


def topics() -> None:
    """Create the missing topics in Kafka.

    Takes TANZHANG_PARTITIONS, TANZHANG_REPLICATION and TANZHANG_TOPIC_PREFIX. Topics that
    exist are never changed: with another number of partitions they are reported, and the
    exit code is 1 (more partitions only by drain, add, start).
    """
    asyncio.run(_topics())


async def _migrate(services: list[str]) -> None:
    from shared.database.migrations import migrate as migrate_one

    settings = from_environment()
    addresses = {service: settings.database(service) for service in services}
    for service, url in addresses.items():
        try:
            await migrate_one(url, service)
        except OSError as error:
            raise SettingsError(f"the database of {service} does not answer: {error}") from error
        typer.echo(f"{service}: up to date")


async def _topics() -> None:
    from aiokafka.errors import KafkaError

    from tanzhang.topics import create, names

    settings = from_environment()
    try:
        outcome = await create(settings)
    except KafkaError as error:
        raise SettingsError(
            f"Kafka at {settings.kafka_bootstrap_servers} does not do it: {error}"
        ) from error
    for name in names(settings):
        if name in outcome.differing:
            typer.echo(
                f"{name}: has {outcome.differing[name]} partitions, "
                f"not {settings.tanzhang_partitions}: left as it is"
            )
        else:
            typer.echo(f"{name}: {'made' if name in outcome.made else 'present'}")
    if outcome.differing:
        raise typer.Exit(1)
