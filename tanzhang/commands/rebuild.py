"""`tanzhang rebuild`: what a service derives from its entries, computed again."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tanzhang.commands.options import DEFAULT_DIRECTORY, DataDir, DomainServiceName

if TYPE_CHECKING:
    from shared.settings import Settings


def rebuild(
    service: Annotated[DomainServiceName, typer.Argument(help="The service to rebuild.")],
    without_kafka: Annotated[
        bool,
        typer.Option(
            "--without-kafka",
            help="Kafka has lost what was told: reductions that the ledger has lost stay told.",
        ),
    ] = False,
    data_dir: DataDir = DEFAULT_DIRECTORY,
) -> None:
    """Compute balances, sums and states again from the entries, in a new epoch.

    After a database was restored from a backup: before its service starts again, so that
    consumers, who ignore what is not newer, take what it tells from now on. Also when an audit
    has found figures that their entries do not give.

    Takes the stack of the data directory, or without one the databases that the environment
    names. States (accounts, labels, tiers) are told again as they stand. Reductions that were told
    after the backup are read from Kafka and taken back: they come anew, as the payments are read
    again; who was erased since is erased again. Can be run on a running system; interrupted, run
    it again. Prints how many events it tells.
    """
    from tanzhang.stack import directory

    settings, _ = directory.settings_of(data_dir)
    events = asyncio.run(_rebuild(settings, service.value, with_kafka=not without_kafka))
    typer.echo(f"{service.value}: rebuilt, {events:,} events are told")


async def _rebuild(settings: "Settings", service: str, *, with_kafka: bool) -> int:
    from aiokafka.errors import KafkaError

    from shared.settings import SettingsError
    from tanzhang.commands.ledger import at_work
    from tanzhang.commands.progress import accounts_bar
    from tanzhang.rebuilding import rebuild as rebuild_all

    async with at_work(settings, service) as (pool, _):
        try:
            with accounts_bar(service) as on_lot:
                now = datetime.now(UTC)
                return await rebuild_all(
                    pool, settings, service, now, with_kafka=with_kafka, on_lot=on_lot
                )
        except KafkaError as error:
            raise SettingsError(
                f"Kafka at {settings.kafka_bootstrap_servers} does not say what was told: {error}; "
                "with --without-kafka it stays told"
            ) from error
