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
    """Bring the services' databases to the newest version; safe to run again, or twice at once.

    Can be run beside services at work. A service's migration is one transaction: while others hold
    what it needs it lets them go on, says who it is, and tries again for half an hour. Exit code 1
    when a database is away or stays in use; nothing of it is changed then.
    """
    chosen = [service.value for service in services] if services else list(DOMAIN_SERVICES)
    asyncio.run(_migrate(chosen))


def topics(
    add_partitions: Annotated[
        bool,
        typer.Option("--add-partitions", help="Give topics that exist as many as are set."),
    ] = False,
) -> None:
    """Create the missing topics in Kafka.

    Takes TANZHANG_PARTITIONS, TANZHANG_REPLICATION and TANZHANG_TOPIC_PREFIX. Topics that
    exist are left as they are: with another number of partitions they are reported, and the
    exit code is 1.

    More partitions only by drain, add, start, since the events of one account must stay in order:
    stop ingest, wait until the services have read all, stop them; then --add-partitions, which
    refuses while a group of a service has members or any group is behind; then start them all.
    """
    asyncio.run(_topics(add_partitions=add_partitions))


async def _migrate(services: list[str]) -> None:
    settings = from_environment()
    addresses = {service: settings.database(service) for service in services}
    for service, url in addresses.items():
        await _migrate_one(service, url)
        typer.echo(f"{service}: up to date")


async def _migrate_one(service: str, url: str) -> None:
    from shared.database import reason
    from shared.database.migrations import NotMigrated, migrate

    def on_wait(holders: str) -> None:
        typer.echo(f"{service}: waits for {holders}", err=True)

    try:
        await migrate(url, service, on_wait=on_wait)
    except OSError as error:
        why = reason(error)
        raise SettingsError(f"the database of {service} does not answer: {why}") from error
    except NotMigrated as error:
        raise SettingsError(f"the database of {service} is not migrated: {error}") from error


async def _topics(*, add_partitions: bool) -> None:
    from aiokafka.errors import KafkaError

    from tanzhang.partitions import Growth, grow
    from tanzhang.topics import create, names

    settings = from_environment()
    try:
        growth = await grow(settings) if add_partitions else Growth({}, [])
        outcome = await create(settings)
    except KafkaError as error:
        raise SettingsError(
            f"Kafka at {settings.kafka_bootstrap_servers} does not do it: {error}"
        ) from error
    for reason in growth.refused:
        typer.echo(f"not added: {reason}", err=True)
    for name in names(settings):
        if name in growth.added:
            wanted = settings.tanzhang_partitions
            typer.echo(f"{name}: {wanted} partitions in place of {growth.added[name]}")
        elif name in outcome.differing:
            typer.echo(
                f"{name}: has {outcome.differing[name]} partitions, "
                f"not {settings.tanzhang_partitions}: left as it is"
            )
        else:
            typer.echo(f"{name}: {'made' if name in outcome.made else 'present'}")
    if outcome.differing or growth.refused:
        raise typer.Exit(1)
