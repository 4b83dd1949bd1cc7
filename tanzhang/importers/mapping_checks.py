"""What is checked of a mapping before any row is read: it must fit its event type and itself."""

from collections.abc import Iterable
from collections.abc import Mapping as Items
from datetime import datetime, time
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from tanzhang.importers.cells import CellError, day_of, decimal_of, plain_text, whole_of
from tanzhang.importers.csv_rows import is_encoding
from tanzhang.importers.event_fields import EventField, event_fields
from tanzhang.importers.mapping import Csv, Field, Layout, Mapping, Skip, When

EXCEL, ISO = "excel", "iso"
_SAMPLE = datetime(2020, 1, 31, 13, 45, 59)
# What only makes sense for fields of a kind.
_OF_NUMBERS = ("decimal", "thousands", "strip", "sign", "times")
_OF_DATES = ("format", "at", "plus")
_DEFAULTS = Field()


class KeyFaultError(Exception):
    """What is wrong with a dotted key of a mapping."""

    def __init__(self, key: str, detail: str) -> None:
        super().__init__(f"{key}: {detail}")
        self.key, self.detail = key, detail


def check(mapping: Mapping) -> None:
    """Raise KeyFaultError for the first thing that cannot work."""
    _check_table(mapping.table)
    _check_zone(mapping.zone)
    _check_identity(mapping)
    known = event_fields(mapping.event)
    for name, field in mapping.fields.items():
        if name not in known:
            detail = f"no field of {mapping.event}; expected one of {', '.join(known)}"
            raise KeyFaultError(f"fields.{name}", detail)
        _check_field(f"fields.{name}", field, known[name], mapping)
    for name, event_field in known.items():
        if event_field.required and name not in mapping.fields:
            raise KeyFaultError(f"fields.{name}", "expected, the event needs it")
    for number, rule in enumerate(mapping.skip):
        _check_skip(f"skip.{number}", rule, mapping, known)


def _check_table(table: Layout) -> None:
    if table.csv is None and table.xlsx is None:
        raise KeyFaultError("table", "expected csv or xlsx, or both")
    if table.csv is not None:
        _check_csv(table.csv)
        if table.csv.columns and table.header != 0:
            raise KeyFaultError("table.csv.columns", "expected `header: 0`: no row names columns")
    named = table.csv is not None and table.csv.columns and table.xlsx is None
    if table.header < 1 and not named:
        raise KeyFaultError("table.header", "expected the row of the column names, from 1")


def _check_csv(csv: Csv) -> None:
    if len(csv.delimiter) != 1 or csv.delimiter in '\r\n"':
        raise KeyFaultError("table.csv.delimiter", 'expected one character, such as "," or "\\t"')
    if len(csv.quote) > 1 or csv.quote == csv.delimiter or (csv.quote and csv.quote in "\r\n"):
        raise KeyFaultError("table.csv.quote", "expected one character, or none")
    if not is_encoding(csv.encoding):
        detail = f"expected an encoding such as utf-8-sig or gb18030, got {csv.encoding!r}"
        raise KeyFaultError("table.csv.encoding", detail)


def _check_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (OSError, ValueError, KeyError):
        raise KeyFaultError(
            "zone", f"expected a zone such as Asia/Shanghai, got {zone!r}"
        ) from None


def _check_identity(mapping: Mapping) -> None:
    if not mapping.id or not all(mapping.id):
        raise KeyFaultError("id", "expected the columns that tell rows apart, for good")
    if mapping.event == "payment":
        if not mapping.account or not all(mapping.account):
            raise KeyFaultError("account", "expected the columns of the bank's account")
        if mapping.time is None:
            raise KeyFaultError("time", "expected the time of the payment")
        if mapping.farm is not None:
            raise KeyFaultError("farm", "is for farm_record only")
    elif mapping.account:
        raise KeyFaultError("account", "is for payment only")
    if mapping.time is not None:
        _check_field("time", mapping.time, EventField("time", "day", True), mapping)


def _check_field(key: str, field: Field, wanted: EventField, mapping: Mapping) -> None:
    _check_source(key, field, wanted, mapping)
    numbers, dates = wanted.kind == "number", wanted.kind in ("day", "whole")
    _check_belongs(key, field, () if numbers else _OF_NUMBERS, "numbers")
    _check_belongs(key, field, () if dates else _OF_DATES, "dates")
    if field.blank and not (field.column or field.columns):
        raise KeyFaultError(f"{key}.blank", "expected a column beside it")
    if field.hashed and wanted.name != "channel_ref":
        raise KeyFaultError(f"{key}.hashed", "is for channel_ref only")
    _check_words(key, field, wanted)
    if numbers:
        _check_number(key, field)
    if dates:
        _check_date(key, field, wanted)


def _check_source(key: str, field: Field, wanted: EventField, mapping: Mapping) -> None:
    given = [bool(field.column), bool(field.columns), field.constant is not None, bool(field.cases)]
    if sum(given) != 1:
        raise KeyFaultError(key, "expected one of column, columns, constant or cases")
    if wanted.kind == "named":
        columns = (field.column,) if field.column else field.columns
        if len(columns) != len(mapping.id):
            detail = f"expected as many columns as `id` has ({len(mapping.id)}): they make an id"
            raise KeyFaultError(key, detail)
        if field.codes:
            raise KeyFaultError(f"{key}.codes", "has none, its columns are those of an id")
    for number, case in enumerate(field.cases):
        _check_when(f"{key}.cases.{number}.when", case.when)


def _check_when(key: str, when: When) -> None:
    if not when:
        raise KeyFaultError(key, "expected columns and their texts")
    for column, texts in when.items():
        if not texts and texts != "":
            raise KeyFaultError(f"{key}.{column}", "expected a text or several, there is none")


def _check_belongs(key: str, field: Field, foreign: Iterable[str], whose: str) -> None:
    for name in foreign:
        if getattr(field, name) != getattr(_DEFAULTS, name):
            raise KeyFaultError(f"{key}.{name}", f"is for {whose} only")


def _check_words(key: str, field: Field, wanted: EventField) -> None:
    said = {f"codes.{code}": word for code, word in field.codes.items()}
    said |= {f"cases.{number}.word": case.word for number, case in enumerate(field.cases)}
    said |= {} if field.otherwise is None else {"otherwise": field.otherwise}
    said |= {} if field.constant is None else {"constant": field.constant}
    if field.otherwise is not None and not (field.codes or field.cases):
        raise KeyFaultError(f"{key}.otherwise", "expected codes or cases beside it")
    if field.codes and not (field.column or field.columns):
        raise KeyFaultError(f"{key}.codes", "expected a column beside them")
    for place, word in said.items():
        if wanted.words and word not in wanted.words:
            detail = f"expected one of {', '.join(wanted.words)}; got {word!r}"
            raise KeyFaultError(f"{key}.{place}", detail)
    _check_spelled_once(f"{key}.codes", field.codes)


def _check_spelled_once(key: str, codes: Items[str, str]) -> None:
    """Codes are compared as cells are: width and blanks around them don't count."""
    seen: dict[str, str] = {}
    for code, word in codes.items():
        if seen.setdefault(plain_text(code), word) != word:
            raise KeyFaultError(f"{key}.{code}", "expected once, it is there in another width")


def _check_number(key: str, field: Field) -> None:
    if field.decimal not in (".", ","):
        raise KeyFaultError(f"{key}.decimal", "expected . or ,")
    if len(field.thousands) > 1 or field.thousands == field.decimal or field.thousands.isalnum():
        raise KeyFaultError(f"{key}.thousands", "expected one other character, or none")
    try:
        factor = Fraction(field.times or "1")
    except (ValueError, ZeroDivisionError):
        factor = Fraction(0)
    if factor <= 0 or not _is_plain(field.times or "1"):
        detail = f"expected a number above zero such as 0.5 or 1/15, got {field.times!r}"
        raise KeyFaultError(f"{key}.times", detail)
    said = [field.constant, field.otherwise, *field.codes.values(), *(c.word for c in field.cases)]
    for word in said:
        try:
            Decimal(0) if word is None else decimal_of(word, field)
        except CellError as error:
            raise KeyFaultError(key, error.detail) from None


def _is_plain(text: str) -> bool:
    return text.isascii() and set(text) <= set("0123456789./") and len(text) <= 30


def _check_date(key: str, field: Field, wanted: EventField) -> None:
    for layout in field.formats:
        if layout in (EXCEL, ISO):
            continue
        try:
            datetime.strptime(_SAMPLE.strftime(plain_text(layout)), plain_text(layout))
            fits = "%" in layout
        except ValueError:
            fits = False
        if not fits:
            detail = f"expected strptime formats, {ISO} or {EXCEL}; got {layout!r}"
            raise KeyFaultError(f"{key}.format", detail)
    if field.at is not None:
        _check_at(f"{key}.at", field.at, wanted)
    if field.plus is not None and (wanted.name == "time" or wanted.kind == "whole"):
        raise KeyFaultError(f"{key}.plus", "is for days only")
    if field.constant is not None:
        try:
            (whole_of if wanted.kind == "whole" else day_of)(field.constant, field)
        except CellError as error:
            raise KeyFaultError(f"{key}.constant", error.detail) from None


def _check_at(key: str, at: str, wanted: EventField) -> None:
    if wanted.name != "time":
        raise KeyFaultError(key, "is for time only")
    try:
        fits = time.fromisoformat(at).tzinfo is None
    except ValueError:
        fits = False
    if not fits:
        raise KeyFaultError(key, f"expected a time of the day such as 12:00, got {at!r}")


def _check_skip(key: str, rule: Skip, mapping: Mapping, known: Items[str, EventField]) -> None:
    if not rule.when and rule.positive is None and rule.negative is None:
        raise KeyFaultError(key, "expected when, positive or negative")
    if rule.when:
        _check_when(f"{key}.when", rule.when)
    for sign in ("positive", "negative"):
        name = getattr(rule, sign)
        if name is None:
            continue
        field = mapping.fields.get(name)
        if field is None or known[name].kind != "number" or field.column is None:
            detail = f"expected a number field of this mapping that has a column, got {name!r}"
            raise KeyFaultError(f"{key}.{sign}", detail)
