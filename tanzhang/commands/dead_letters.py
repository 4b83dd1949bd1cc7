"""`tanzhang dead-letters`: what could not be posted, why, and how to send it again."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

from tanzhang.commands.options import DEFAULT_DIRECTORY, DataDir, DomainServiceName

if TYPE_CHECKING:
    from shared.settings import Settings
    from tanzhang.dead_letters import Letter, Listed, Replayed

app = typer.Typer(no_args_is_help=True, help="What could not be posted: see it, send it again.")

Services = Annotated[
    list[DomainServiceName] | None,
    typer.Option("--service", help="Only of these services; repeat it."),
]
Digest = Annotated[str, typer.Argument(help="The digest that `list` shows, or its beginning.")]
DIGEST_MIN = 6
T = TypeVar("T")


@app.command("list")
def list_letters(
    service: Services = None,
    reason: Annotated[str | None, typer.Option(help="Only of this reason.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The newest so many.")] = 50,
    data_dir: DataDir = DEFAULT_DIRECTORY,
) -> None:
    """Count the dead letters by reason and list the newest, without what they contain."""
    from tanzhang import dead_letters

    settings = _settings(data_dir)
    counts = _run(dead_letters.counted(settings, _chosen(service), reason))
    if not counts:
        typer.echo("no dead letters")
        return
    for count in counts:
        typer.echo(f"{count.service}: {count.letters} {count.reason}, {count.replayed} replayed")
    for letter in _run(dead_letters.listed(settings, _chosen(service), reason, limit)):
        typer.echo(_line(letter))


@app.command("show")
def show(digest: Digest, service: Services = None, data_dir: DataDir = DEFAULT_DIRECTORY) -> None:
    """Print the raw event of a dead letter, with all that it contains."""
    for letter in _find(_settings(data_dir), service, digest)[:1]:
        typer.echo(letter.raw.decode(errors="backslashreplace"))


@app.command("replay")
def replay(
    digest: Annotated[str | None, typer.Argument(help="One letter, by its digest.")] = None,
    reason: Annotated[str | None, typer.Option(help="All letters of this reason.")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="With --reason: also those replayed before.")
    ] = False,
    service: Services = None,
    data_dir: DataDir = DEFAULT_DIRECTORY,
) -> None:
    """Publish the events of dead letters again, in the order in which they came.

    Sending again is safe: what was posted meanwhile is a duplicate. A record that is no event
    cannot be sent; it is named, and the exit code is 1.
    """
    from tanzhang import dead_letters

    if (digest is None) == (reason is None):
        raise typer.BadParameter("give either a digest or --reason")
    settings, now = _settings(data_dir), datetime.now(UTC)
    if digest is not None:
        letters = _find(settings, service, digest)
        outcome = _run(dead_letters.replay(settings, letters, now))
    else:
        assert reason is not None
        outcome = _run(
            dead_letters.replay_reason(settings, _chosen(service), reason, again=again, now=now)
        )
    _tell(outcome)


def _tell(outcome: "Replayed") -> None:
    typer.echo(f"{outcome.sent} sent again, {len(outcome.refused)} not")
    for digest, why in outcome.refused:
        typer.echo(f"{digest} is no event: {why}", err=True)
    if outcome.refused:
        raise typer.Exit(1)


def _find(settings: "Settings", service: Services, digest: str) -> list["Letter"]:
    """The letters of one digest; the beginning of several digests is refused."""
    from tanzhang import dead_letters

    wanted = digest.lower()
    if len(wanted) < DIGEST_MIN or set(wanted) - set("0123456789abcdef"):
        raise typer.BadParameter(f"a digest is at least {DIGEST_MIN} hexadecimal digits")
    letters = _run(dead_letters.found(settings, _chosen(service), wanted))
    if not letters:
        _fail(f"no dead letter has a digest {digest}...")
    if len({letter.digest for letter in letters}) > 1:
        _fail(f"several dead letters have a digest {digest}...: give more of it")
    return letters


def _line(letter: "Listed") -> str:
    seen = letter.first_seen.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    replayed = ", replayed" if letter.replayed_at else ""
    return (
        f"{letter.digest} {letter.service} {letter.reason} {letter.origin} {seen} "
        f"x{letter.seen}{replayed}\n    {letter.detail}"
    )


def _chosen(services: Services) -> list[str]:
    return [service.value for service in services or DomainServiceName]


def _settings(data_dir: DataDir) -> "Settings":
    from tanzhang.stack import directory

    return directory.settings_of(data_dir)[0]


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end; a server that does not answer is a sentence."""
    from aiokafka.errors import KafkaError
    from asyncpg import PostgresError

    from shared.database import TRANSIENT, reason

    try:
        return asyncio.run(work)
    except (*TRANSIENT, KafkaError, PostgresError) as error:
        _fail(f"a server does not do it: {reason(error)}")


def _fail(sentence: str) -> NoReturn:
    typer.echo(f"tanzhang: {sentence}", err=True)
    raise typer.Exit(1)
