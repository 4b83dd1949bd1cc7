"""`tanzhang import bank` and `tanzhang import farm`: tables of any shape, by a mapping file."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tanzhang.commands.fault_report import telling
from tanzhang.commands.importing import File
from tanzhang.commands.options import DEFAULT_DIRECTORY, DataDir
from tanzhang.commands.posting_lines import post_lines
from tanzhang.commands.target import IngestUrl, Target, Token, ingest_door

if TYPE_CHECKING:
    from shared.events.envelope import Event
    from tanzhang.importers.mapped_rows import Sender
    from tanzhang.importers.mapping import Mapping
    from tanzhang.importers.pseudonyms import Key
    from tanzhang.importers.reading import Fault
    from tanzhang.importers.survey import Source, Survey

KEY_VARIABLE = "TANZHANG_IMPORT_KEY"
REFERENCE_VARIABLE = "TANZHANG_REFERENCE_KEY"
_REPORT_HINT = "; --report FILE lists them all"

MappingName = Annotated[
    str,
    typer.Option(
        "--mapping", help="A mapping file, or the name of one that comes along: berka, farm_ledger."
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        help=f"Secret that account numbers are turned into tokens with. Default: ${KEY_VARIABLE}."
    ),
]
SourceName = Annotated[
    str | None, typer.Option("--source", help="The CloudEvents source to post as.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Read and check everything, show counts, post nothing.")
]
Report = Annotated[
    Path | None, typer.Option(help="Write every faulty row's line, column and reason here, as CSV.")
]


def import_bank(
    file: File,
    mapping: MappingName,
    bank: Annotated[str, typer.Option(help="The bank: account ids are <bank>:<token>.")],
    key_file: KeyFile = None,
    reference_key_file: Annotated[
        Path | None,
        typer.Option(
            help="Secret shared by all banks of the city, for references of behaviours. "
            f"Default: ${REFERENCE_VARIABLE}."
        ),
    ] = None,
    dry_run: DryRun = False,
    report: Report = None,
    source: SourceName = None,
    ingest_url: IngestUrl = None,
    token: Token = None,
    data_dir: DataDir = DEFAULT_DIRECTORY,
) -> None:
    """Post the payments of a bank's transaction file. Posting a file again changes nothing.

    Exit code 0: every row was posted or left out by a rule. 1: rows could not be mapped or were
    rejected (the others were posted), or the file was refused whole. 2: wrong options or mapping.
    """
    from shared.events.identifiers import BANK_FORM, is_bank
    from tanzhang.importers.mapped_rows import Sender

    if not is_bank(bank):
        raise typer.BadParameter(f"expected {BANK_FORM}, got {bank!r}", param_hint="--bank")
    sender = Sender(
        source or bank,
        bank=bank,
        key=_key(key_file, KEY_VARIABLE, "--key-file"),
        reference_key=_key(reference_key_file, REFERENCE_VARIABLE, "--reference-key-file"),
    )
    _import(
        file,
        _mapping(mapping, "payment"),
        sender,
        _payment_group,
        lambda: _door(data_dir, ingest_url, token, sender.source, f"{bank}:*", "payments"),
        dry_run,
        report,
    )


def import_farm(
    file: File,
    mapping: MappingName = "farm_ledger",
    farm: Annotated[
        str | None, typer.Option(help="The farm, where the ledger has no column for it.")
    ] = None,
    key_file: KeyFile = None,
    dry_run: DryRun = False,
    report: Report = None,
    source: SourceName = "import",
    ingest_url: IngestUrl = None,
    token: Token = None,
    data_dir: DataDir = DEFAULT_DIRECTORY,
) -> None:
    """Post the records of a farm ledger, CSV or Excel. Posting a file again changes nothing.

    Exit codes are those of `import bank`.
    """
    from shared.events.identifiers import FARM_FORM, is_farm
    from tanzhang.importers.mapped_rows import Sender

    if farm is not None and not is_farm(farm):
        raise typer.BadParameter(f"expected {FARM_FORM}, got {farm!r}", param_hint="--farm")
    sender = Sender(source or "import", farm=farm, key=_key(key_file, KEY_VARIABLE, "--key-file"))
    _import(
        file,
        _mapping(mapping, "farm_record"),
        sender,
        _record_group,
        lambda: _door(data_dir, ingest_url, token, sender.source, farm or "*", "farm-records"),
        dry_run,
        report,
    )


def _door(
    data_dir: Path, ingest_url: str | None, token: str | None, source: str, subject: str, topic: str
) -> Target:
    return ingest_door(data_dir, ingest_url, token, source=source, subject=subject, topic=topic)


def _mapping(name: str, event: str) -> "Mapping":
    from tanzhang.importers.mapping_files import MappingError, find_mapping, read_mapping

    try:
        found = read_mapping(find_mapping(name))
    except MappingError as error:
        raise typer.BadParameter(str(error), param_hint="--mapping") from error
    if found.event != event:
        message = f"expected a mapping of {event}, {name} is one of {found.event}"
        raise typer.BadParameter(message, param_hint="--mapping")
    return found


def _key(file: Path | None, variable: str, option: str) -> "Key | None":
    from tanzhang.importers.pseudonyms import KeyRefusedError, key_of

    try:
        if file is not None:
            return key_of(file.read_bytes())
        given = os.environ.get(variable)
        return key_of(given.encode()) if given else None
    except (OSError, KeyRefusedError) as error:
        hint = option if file is not None else variable
        raise typer.BadParameter(str(error), param_hint=hint) from error


def _import(
    file: Path,
    mapping: "Mapping",
    sender: "Sender",
    describe: "Callable[[Event], str]",
    door: Callable[[], Target],
    dry_run: bool,
    report: Path | None,
) -> None:
    """Check the whole file, say what it holds, then post; exit code 1 when a row was refused."""
    from tanzhang.importers.mapped_rows import SenderError, check_sender
    from tanzhang.importers.reading import ImportRefusedError
    from tanzhang.importers.survey import Source

    try:
        check_sender(mapping, sender)
    except SenderError as error:
        raise typer.BadParameter(_with_help(str(error))) from error
    target = None if dry_run else door()
    source = Source(file, mapping, sender)
    with telling(file, report, hint=_REPORT_HINT) as tell:
        try:
            found = _surveyed(source, describe, tell)
        except ImportRefusedError as refused:
            typer.echo(f"tanzhang: {file} is refused, nothing was posted:\n{refused}", err=True)
            raise typer.Exit(1) from refused
        for line in _summary(file, found, dry_run):
            typer.echo(line)
        if target is not None and found.count:
            _post(source, found, target, tell)
    if found.faulty:
        raise typer.Exit(1)


def _post(
    source: "Source", found: "Survey", target: Target, tell: "Callable[[Fault], None]"
) -> None:
    from tanzhang.importers.reading import ImportRefusedError
    from tanzhang.importers.survey import events

    try:
        post_lines(source.path, events(source, found), found.count, target, tell)
    except ImportRefusedError as changed:
        typer.echo(f"tanzhang: {source.path}: {changed}", err=True)
        raise typer.Exit(1) from changed


def _with_help(message: str) -> str:
    if "reference key" in message:
        return f"{message}: --reference-key-file or ${REFERENCE_VARIABLE}"
    if "key" in message:
        make = "make one with `openssl rand -hex 32` and keep it: other keys give other accounts"
        return f"{message}: --key-file or ${KEY_VARIABLE}; {make}"
    return message


def _surveyed(
    source: "Source", describe: "Callable[[Event], str]", tell: "Callable[[Fault], None]"
) -> "Survey":
    from tanzhang.commands.progress import reading_bar
    from tanzhang.importers.survey import survey

    with reading_bar(f"{source.path.name}: check") as progress:
        found = survey(
            source, now=datetime.now(UTC), describe=describe, on_fault=tell, on_progress=progress
        )
        progress(found.rows)
    return found


def _summary(file: Path, found: "Survey", dry_run: bool) -> Iterator[str]:
    span = f", {found.first:%Y-%m-%d} to {found.last:%Y-%m-%d}" if found.first else ""
    yield f"{file.name}: {found.rows} rows{span}"
    yield f"{found.count:>9} events"
    yield from _listed(found.events)
    yield f"{found.left_out.total():>9} left out"
    yield from _listed(found.left_out)
    if found.repeated:
        yield f"{found.repeated:>9} repeated, posted once"
    yield f"{found.faulty:>9} faulty"
    yield from _listed(found.faults)
    yield from _early(found)
    if dry_run and found.example is not None:
        import msgspec

        yield f"the first event: {msgspec.json.encode(found.example).decode()}"


def _listed(counts: "dict[str, int]") -> Iterator[str]:
    for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if count:
            yield f"{count:>14}  {name}"


def _early(found: "Survey") -> Iterator[str]:
    """Behaviour from before there were factors: the ledger takes the earliest ones for it."""
    from shared.methodology import methodology
    from shared.units.calendar import local_date

    begins = methodology().files["scenarios"].documents[0].header.valid_from
    is_payment = found.example is not None and ".payment." in found.example["type"]
    if is_payment and found.first is not None and local_date(found.first) < begins:
        yield f"note: the factors begin on {begins}; what happened before is counted with them"


def _payment_group(event: "Event") -> str:
    """Scenario, or why nothing is earned, by the rules that come along; caps aside."""
    from services.personal.classification import defaults
    from shared.events.types import Payment
    from shared.units.calendar import local_date

    data = event.data
    assert isinstance(data, Payment)
    assert event.time is not None
    claim = defaults().claim(data, local_date(event.time))
    earns = claim.scenario.code if claim.scenario else f"earns nothing: {claim.reason}"
    return f"{earns} ({data.kind}, {data.channel})"


def _record_group(event: "Event") -> str:
    from shared.events.types import FarmRecord

    assert isinstance(event.data, FarmRecord)
    return event.data.pathway
