"""Options and words that several commands take."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tanzhang.stack.plan import DEFAULT_DIRECTORY

if TYPE_CHECKING:
    from tanzhang.simulation import City

__all__ = [
    "DEFAULT_DIRECTORY",
    "AccountingService",
    "ClosingService",
    "Concurrency",
    "Customers",
    "DataDir",
    "DomainServiceName",
    "Enterprises",
    "Farms",
    "Operator",
    "Payments",
    "Role",
    "Seed",
    "ServiceName",
    "Year",
    "simulated_city",
]

DataDir = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        envvar="TANZHANG_DATA_DIR",
        help="Where the stack keeps its ledgers, keys and logs.",
    ),
]

Operator = Annotated[
    str | None,
    typer.Option("--by", help="Who does this, for the history. Default: this machine's user."),
]

Enterprises = Annotated[int, typer.Option(min=1)]
Farms = Annotated[int, typer.Option(min=1)]
Customers = Annotated[int, typer.Option(min=0)]
Payments = Annotated[int, typer.Option(min=0)]
Seed = Annotated[int, typer.Option(help="The same seed gives the same city.")]
Year = Annotated[int, typer.Option(min=2000, max=2100)]
Concurrency = Annotated[int, typer.Option(min=1, max=64, help="Requests in flight.")]


def simulated_city(seed: int, **sizes: int) -> "City":
    """The city of these options; what cannot be made is a wrong option."""
    from tanzhang.simulation import city

    try:
        return city(seed, **sizes)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


class AccountingService(StrEnum):
    """A service whose years can be closed."""

    industrial = "industrial"


ClosingService = Annotated[
    AccountingService, typer.Option("--service", help="The service whose year it is.")
]


class DomainServiceName(StrEnum):
    """A service with a ledger."""

    industrial = "industrial"
    agri = "agri"
    personal = "personal"
    grading = "grading"
    points = "points"


class ServiceName(StrEnum):
    """Any service."""

    ingest = "ingest"
    industrial = "industrial"
    agri = "agri"
    personal = "personal"
    grading = "grading"
    points = "points"


class Role(StrEnum):
    """What a process of a service does."""

    api = "api"
    worker = "worker"
    all = "all"
    webhooks = "webhooks"
