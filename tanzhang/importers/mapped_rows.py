"""Rows of a table as CloudEvents, as a mapping says; a row that cannot be one says why."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from shared.events.identifiers import FARM_FORM, is_enterprise, is_farm
from shared.events.ids import derived_id
from tanzhang.cloudevents import CloudEvent, cloud_event
from tanzhang.importers.cells import CellError, Value, decimal_of, name_of
from tanzhang.importers.event_fields import DATA, EventField, event_fields
from tanzhang.importers.fields import (
    Columns,
    Read,
    Values,
    condition,
    field_reader,
    time_reader,
    unless_blank,
)
from tanzhang.importers.mapping import Field, Mapping, Skip
from tanzhang.importers.pseudonyms import (
    Key,
    account_token,
    behaviour_reference,
    farm_token,
    transaction_id,
)
from tanzhang.importers.reading import Fault
from tanzhang.importers.tables import Row, Table


@dataclass(frozen=True, slots=True)
class Sender:
    """Who posts: the CloudEvents source; a bank with its key, or the farm of a whole ledger.

    `reference_key` is the key that all banks of a city share for references of behaviours.
    """

    source: str
    bank: str = ""
    farm: str | None = None
    key: Key | None = None
    reference_key: Key | None = None


class LeftOut(NamedTuple):
    """A row that the mapping says is no behaviour."""

    reason: str


Mapped = CloudEvent | LeftOut | list[Fault]


class SenderError(Exception):
    """The mapping asks for something of the sender that is not there."""


def wanted_columns(mapping: Mapping) -> list[str]:
    """Every column that the mapping reads, once."""
    fields = [*mapping.fields.values(), *([mapping.time] if mapping.time else [])]
    names = [*mapping.id, *mapping.account, *([mapping.farm.column] if mapping.farm else [])]
    names += [name for field in fields for name in field.sources]
    names += [name for rule in mapping.skip for name in rule.when]
    return list(dict.fromkeys(names))


def check_sender(mapping: Mapping, sender: Sender) -> None:
    """Raise SenderError for a key, bank or farm that is missing."""
    reference = mapping.fields.get("channel_ref")
    if mapping.event == "payment" and (sender.key is None or not sender.bank):
        raise SenderError("a bank and its key are needed: account numbers are never posted")
    if mapping.farm is not None and mapping.farm.keyed and sender.key is None:
        raise SenderError("a key is needed: the mapping's farm numbers are posted as pseudonyms")
    if mapping.event == "farm_record" and (mapping.farm is None) == (sender.farm is None):
        raise SenderError("expected the farm either in the mapping (`farm:`) or as an option")
    if reference is not None and not reference.hashed and sender.reference_key is None:
        raise SenderError(
            "a reference key, the same at all banks of the city, is needed for channel_ref"
        )
    if sender.key is not None and sender.key == sender.reference_key:
        raise SenderError("other banks know the reference key: expected another than the bank's")


def mapper(mapping: Mapping, table: Table, sender: Sender) -> Callable[[Row], Mapped]:
    """What makes an event of a row, leaves it out, or says what is wrong with it, all of it."""
    columns = Columns(table, ZoneInfo(mapping.zone))
    skips = [
        (_skipping(columns, mapping, rule), "+".join(rule.when), LeftOut(rule.reason))
        for rule in mapping.skip
    ]
    make = _event(columns, mapping, sender)

    def read(row: Row) -> Mapped:
        undecided = []
        for applies, place, left_out in skips:
            try:
                if applies(row.values):
                    return left_out
            except CellError as error:
                undecided.append(Fault(row.line, place, error.detail))
        return _with_faults(undecided, make(row)) if undecided else make(row)

    return read


def _with_faults(faults: list[Fault], made: Mapped) -> list[Fault]:
    """Nobody knows whether the row is one to leave out: it is not posted."""
    return list(dict.fromkeys([*faults, *(made if isinstance(made, list) else ())]))


def place_of(mapping: Mapping, pointer: str) -> str:
    """The columns behind a JSON pointer into an event, for a message."""
    name = pointer.removeprefix("/data/")
    if pointer == "/time" and mapping.time is not None:
        return label_of("time", mapping.time)
    if pointer == "/id":
        return "+".join(mapping.id)
    if pointer == "/subject":
        return "+".join(mapping.account) or (mapping.farm.column if mapping.farm else "farm")
    return label_of(name, mapping.fields[name]) if name in mapping.fields else pointer


def label_of(name: str, field: Field) -> str:
    return "+".join(dict.fromkeys(field.sources)) or name


class _Faults:
    """Reads parts of one row and keeps what is wrong with each."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.found: list[Fault] = []

    def read(self, label: str, reader: Read) -> Any:
        try:
            return reader(self.row.values)
        except CellError as error:
            self.found.append(Fault(self.row.line, label, error.detail))
            return None


def _event(columns: Columns, mapping: Mapping, sender: Sender) -> Callable[[Row], Mapped]:
    type, _ = DATA[mapping.event]
    known = event_fields(mapping.event)
    subject, name = _subject(columns, mapping, sender), _naming(mapping, sender)
    at = time_reader(columns, mapping.time) if mapping.time is not None else None
    ids = _texts(columns, mapping.id)
    parts = [
        (field_name, label_of(field_name, field), _part(columns, field, known[field_name], sender))
        for field_name, field in mapping.fields.items()
    ]
    naming = [field_name for field_name in mapping.fields if known[field_name].kind == "named"]
    places = {key: place_of(mapping, f"/{key}") for key in ("subject", "id", "time")}

    def make(row: Row) -> Mapped:
        faults = _Faults(row)
        account = faults.read(places["subject"], subject)
        texts = faults.read(places["id"], ids)
        moment = faults.read(places["time"], at) if at else None
        data = {field: faults.read(label, reader) for field, label, reader in parts}
        if faults.found:
            return faults.found
        for field_name in naming:
            if data[field_name] is not None:
                data[field_name] = name(account, data[field_name])
        return cloud_event(
            type,
            source=sender.source,
            id=name(account, texts),
            subject=account,
            time=moment or _end_of(data, columns.zone),
            data=data,
        )

    return make


def _end_of(data: dict[str, Any], zone: ZoneInfo) -> datetime:
    """A farm record is of the time at which it ends."""
    return datetime.combine(date.fromisoformat(data["end"]), time(), zone)


def _naming(mapping: Mapping, sender: Sender) -> Callable[[str, Sequence[str]], str]:
    """What makes the id of an event from its subject and the texts of the id columns."""
    if mapping.event == "farm_record":
        return lambda subject, texts: derived_id("farm", subject, *texts)
    key, bank = sender.key, sender.bank
    assert key is not None
    return lambda _, texts: transaction_id(key, bank, texts)


def _part(columns: Columns, field: Field, wanted: EventField, sender: Sender) -> Read:
    if wanted.kind == "named":
        names = (field.column,) if field.column is not None else field.columns
        return _texts(columns, names, unless_blank(field, name_of), optional=True)
    read = field_reader(columns, field, wanted)
    key = sender.reference_key
    if wanted.name != "channel_ref" or field.hashed or key is None:
        return read
    return lambda values: _hashed(key, read(values))


def _hashed(key: Key, reference: str | None) -> str | None:
    return None if reference is None else behaviour_reference(key, reference)


def _texts(
    columns: Columns,
    names: Sequence[str],
    name: Callable[[Value], str] = name_of,
    *,
    optional: bool = False,
) -> Read:
    """The texts of columns that name something; not all of them are blank."""
    texts = columns.texts(names, name)

    def read(values: Values) -> list[str] | None:
        found = texts(values)
        if any(found):
            return found
        if optional:
            return None
        raise CellError("expected a value, the cell is blank")

    return read


def _subject(columns: Columns, mapping: Mapping, sender: Sender) -> Callable[[Values], str]:
    if mapping.event == "farm_record":
        return _farm(columns, mapping, sender)
    texts, key, bank = _texts(columns, mapping.account), sender.key, sender.bank
    assert key is not None
    return lambda values: f"{bank}:{account_token(key, bank, texts(values))}"


def _farm(columns: Columns, mapping: Mapping, sender: Sender) -> Callable[[Values], str]:
    if mapping.farm is None:
        return lambda _: sender.farm or ""
    key = sender.key if mapping.farm.keyed else None
    texts = _texts(columns, (mapping.farm.column,))

    def read(values: Values) -> str:
        (text,) = texts(values)
        if key is not None:
            return f"farm:{farm_token(key, text)}"
        subject = text if is_enterprise(text) else f"farm:{text.removeprefix('farm:')}"
        if not is_farm(subject):
            raise CellError(f"expected {FARM_FORM}, token of letters, digits, _ and -")
        return subject

    return read


def _skipping(columns: Columns, mapping: Mapping, rule: Skip) -> Callable[[Values], bool]:
    tests = [condition(columns, rule.when)] if rule.when else []
    for name, sign in ((rule.positive, 1), (rule.negative, -1)):
        if name is not None:
            tests.append(_signed(columns, mapping.fields[name], sign))
    if len(tests) == 1:
        return tests[0]
    return lambda values: all(test(values) for test in tests)


def _signed(columns: Columns, field: Field, sign: int) -> Callable[[Values], bool]:
    """Whether the number, as it stands in the file, is above or below zero."""
    assert field.column is not None
    place, written = columns.place(field.column), replace(field, sign="plain", times=None)

    def test(values: Values) -> bool:
        try:
            return decimal_of(values[place], written) * sign > 0
        except CellError:
            return False

    return test
