"""Options and words that several commands take."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tanzhang.stack.plan import DEFAULT_DIRECTORY

__all__ = ["DEFAULT_DIRECTORY", "DataDir", "DomainServiceName", "Role", "ServiceName"]

DataDir = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        envvar="TANZHANG_DATA_DIR",
        help="Where the stack keeps its ledgers, keys and logs.",
    ),
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
