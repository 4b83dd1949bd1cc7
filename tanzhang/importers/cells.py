"""One cell as a value of an event: texts, numbers, dates. What was expected is said, not guessed.

Cells of text files are texts; those of workbooks are what the program wrote that made them.
Full-width digits and letters count as plain ones everywhere (Unicode NFKC).
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

from shared.events.identifiers import personal_identifier
from shared.units.calendar import next_month
from tanzhang.importers.mapping import Field

# A spreadsheet keeps 15 digits; what it shows beyond them is noise.
_EXACT_DIGITS = 15
_PLACES = 12
_SHOWN = 40
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_SERIAL = re.compile(r"[0-9]{1,7}(?:\.[0-9]+)?")
_FIGURES = re.compile(r"%[YymdHIMSj]%[YymdHIMSjf]")
_OPEN_ENDED = re.compile(r"%[fzZ]")
# What a spreadsheet makes of a long number in a text file: its last digits are gone.
_CUT_OFF = re.compile(r"-?[0-9](?:[.,][0-9]+)?[Ee]\+[0-9]{1,3}")
# Day 0 of a workbook whose first day is 1900-01-01, as it has a 29 February 1900 in it.
_DAY_ZERO = datetime(1899, 12, 30)
_SERIALS = range(61, 2_958_466)


@dataclass(frozen=True, slots=True)
class NoValue:
    """A cell of a workbook that has no value of its own, and why not."""

    why: str


Value = str | int | float | bool | datetime | date | time | timedelta | NoValue | None


class CellError(Exception):
    """A cell that is not what its field needs; the detail says what was expected."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def plain_text(text: str) -> str:
    """The text in plain width, one blank between words, none around."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    return " ".join(unicodedata.normalize("NFKC", text).split())


def quoted(text: str) -> str:
    """The text for a message, in quotes."""
    said = shown(text)
    return said if personal_identifier(text) else repr(said)


def text_of(value: Value) -> str:
    """The text of any cell; "" for a blank one."""
    if isinstance(value, str):
        return plain_text(value)
    if value is None:
        return ""
    if isinstance(value, NoValue):
        raise CellError(value.why)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _digits_of(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ") if value.time() != time() else value.date().isoformat()
    return value.isoformat() if isinstance(value, date | time) else str(value)


def name_of(value: Value) -> str:
    """The text of a cell that tells one thing from all others; "" for a blank one."""
    text = text_of(value)
    if _CUT_OFF.fullmatch(text):
        detail = "a spreadsheet has rounded it: export the file again, with this column as text"
        raise CellError(f"expected all digits of a number, got {text!r}: {detail}")
    return text


def shown(text: str) -> str:
    """The text for a message: short, and nobody's number."""
    found = personal_identifier(text)
    return f"(looks like a {found})" if found else text[:_SHOWN]


def _digits_of(value: int | float) -> str:
    if abs(value) >= 10**_EXACT_DIGITS:
        detail = f"a number of more than {_EXACT_DIGITS} digits, which spreadsheets cut off"
        raise CellError(f"expected a cell formatted as text: it is {detail}")
    return format(_rounded(Fraction(Decimal(format(value, f".{_EXACT_DIGITS}g")))), "f")


def decimal_of(value: Value, field: Field) -> Decimal:
    """The number of a cell, times `times`, with the sign that the field says."""
    if isinstance(value, bool | date | time | timedelta):
        raise CellError(f"expected a number, got {quoted(text_of(value))}")
    if isinstance(value, int | float):
        number = Decimal(_digits_of(value))
    else:
        number = _number(text_of(value), field)
    if field.times is not None:
        number = _rounded(Fraction(number) * Fraction(field.times))
    if field.sign == "plain" or not number:
        return number
    # A plain minus would round to the context's digits.
    return number.copy_negate() if field.sign == "negated" else number.copy_abs()


def _number(text: str, field: Field) -> Decimal:
    plain = text
    for part in map(plain_text, field.strip):
        plain = plain.removeprefix(part).removesuffix(part).strip()
    if plain.startswith("(") and plain.endswith(")"):
        plain = f"-{plain[1:-1]}"
    if plain.endswith("-"):  # as some accounting programs write it
        plain = f"-{plain[:-1]}"
    plain = _ungrouped(plain.removeprefix("+"), field)
    if not _NUMBER.fullmatch(plain):
        raise CellError(f"expected a number{_form_of(field)}, got {quoted(text)}")
    return Decimal(plain)


def _ungrouped(text: str, field: Field) -> str:
    """With a decimal point and without groups; unchanged, or made no number, where groups are wrong."""
    whole, mark, places = text.partition(field.decimal)
    mark_of_groups = unicodedata.normalize("NFKC", field.thousands)
    if mark_of_groups and mark_of_groups in whole:
        first, *groups = whole.removeprefix("-").split(mark_of_groups)
        if not 1 <= len(first) <= 3 or any(len(group) != 3 for group in groups):
            return ""
        whole = whole.replace(mark_of_groups, "")
    if "." in whole or "." in places:
        return ""
    return f"{whole}.{places}" if mark else whole


def _form_of(field: Field) -> str:
    if field.decimal == "." and not field.thousands:
        return ""
    return f" such as 1{field.thousands}234{field.decimal}5"


def _rounded(value: Fraction) -> Decimal:
    """At most 12 places, as many as an event may have; half-even."""
    with localcontext() as context:
        context.prec, context.rounding = 60, ROUND_HALF_EVEN
        number = Decimal(value.numerator) / Decimal(value.denominator)
        exponent = number.as_tuple().exponent
        if isinstance(exponent, int) and -exponent > _PLACES:
            number = number.quantize(Decimal(1).scaleb(-_PLACES))
        return number


def whole_of(value: Value, field: Field) -> int:
    """The whole number of a cell; of a date, its year."""
    if isinstance(value, date):
        return value.year
    text = text_of(value)
    if text.isascii() and text.isdigit() and len(text) <= _EXACT_DIGITS:
        return int(text)
    if field.format:
        return day_of(value, field).year
    raise CellError(f"expected a whole number, got {quoted(text)}")


def day_of(value: Value, field: Field, first_day: datetime = _DAY_ZERO) -> date:
    """The date of a cell, moved by `plus`."""
    at = moment_of(value, field, first_day)
    if at.time() != time():
        raise CellError(f"expected a date without a time, got {quoted(text_of(value))}")
    try:
        return _plus(at.date(), field.plus)
    except (ValueError, OverflowError):
        raise CellError(f"out of range: {at.date()}") from None


def _plus(day: date, step: str | None) -> date:
    if step == "day":
        return day + timedelta(days=1)
    if step == "month":
        following = next_month(day)
        last = (next_month(following) - timedelta(days=1)).day
        return following.replace(day=min(day.day, last))
    if step == "year":
        return day.replace(year=day.year + 1)
    return day


def moment_of(value: Value, field: Field, first_day: datetime = _DAY_ZERO) -> datetime:
    """The date and time of a cell, with an offset only where the cell has one."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    text = text_of(value)
    for layout in field.formats:
        found = _serial(text, first_day) if layout == "excel" else _parsed(text, layout)
        if found is not None:
            return found
    wanted = " or ".join(_NAMES.get(layout, layout) for layout in field.formats)
    raise CellError(f"expected a date like {wanted}, got {quoted(text)}")


_NAMES = {"iso": "2020-01-31", "excel": "43861 (days, as spreadsheets count them)"}


def _parsed(text: str, layout: str) -> datetime | None:
    try:
        if layout == "iso":
            return datetime.fromisoformat(text) if "-" in text else None
        layout = plain_text(layout)
        at = datetime.strptime(text, layout)
    except ValueError:
        return None
    # Figures that touch are only clear at full length: 2020111 is no date. Parts of a second
    # and offsets have more than one.
    touch = _FIGURES.search(layout)
    return at if not touch or text.startswith(at.strftime(_OPEN_ENDED.split(layout)[0])) else None


def _serial(text: str, first_day: datetime) -> datetime | None:
    if not _SERIAL.fullmatch(text) or int(float(text)) not in _SERIALS:
        return None
    seconds = round(Fraction(text) * 86_400)
    try:
        return first_day + timedelta(seconds=seconds)
    except OverflowError:
        return None
