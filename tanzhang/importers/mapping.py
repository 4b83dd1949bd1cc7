"""What a mapping file may say: the columns of a table as fields of one event type."""

from typing import Literal

import msgspec

Texts = tuple[str, ...]
When = dict[str, str | Texts]
EventName = Literal["payment", "farm_record"]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a mapping file; unknown keys are refused."""


class Csv(Part, frozen=True, kw_only=True):
    """Text with one row a line. `columns` names them when the file has no header."""

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8-sig"
    columns: Texts = ()


class Xlsx(Part, frozen=True, kw_only=True):
    """A workbook; without `sheet` its first sheet."""

    sheet: str | None = None


class Layout(Part, frozen=True, kw_only=True):
    """How the file becomes rows. `header` is the row of the column names, from 1.

    `fill_down`: columns whose value stands once for the rows below it: merged cells of a
    workbook, blank cells of a text file.
    """

    header: int = 1
    csv: Csv | None = None
    xlsx: Xlsx | None = None
    fill_down: Texts = ()


class Case(Part, frozen=True, kw_only=True):
    """`word`, where every column of `when` holds its text or one of its texts."""

    when: When
    word: str


class Field(Part, frozen=True, kw_only=True):
    """Where a field comes from: `column`, `columns` (joined), `constant` or `cases`; then how."""

    column: str | None = None
    columns: Texts = ()
    constant: str | None = None
    cases: tuple[Case, ...] = ()
    blank: Texts = ()
    codes: dict[str, str] = {}
    otherwise: str | None = None
    format: str | Texts = ()
    at: str | None = None
    plus: Literal["day", "month", "year"] | None = None
    decimal: str = "."
    thousands: str = ""
    strip: Texts = ()
    sign: Literal["plain", "negated", "absolute"] = "plain"
    times: str | None = None
    hashed: bool = False

    @property
    def sources(self) -> Texts:
        """The columns that the field is read from."""
        named = (self.column,) if self.column is not None else self.columns
        return (*named, *(column for case in self.cases for column in case.when))

    @property
    def formats(self) -> Texts:
        """The layouts of a date, to be tried in this order."""
        return (self.format,) if isinstance(self.format, str) else self.format or ("iso",)


class Farm(Part, frozen=True, kw_only=True):
    """The column of the farm: a credit code, or what follows `farm:`; keyed: a pseudonym of it."""

    column: str
    keyed: bool = False


class Skip(Part, frozen=True, kw_only=True):
    """Rows that are no behaviour: where `when` holds and the number field has this sign."""

    reason: str
    when: When = {}
    positive: str | None = None
    negative: str | None = None


class Mapping(Part, frozen=True, kw_only=True):
    """A whole mapping file.

    `id` columns tell rows apart, for good; `account` columns are the bank's account. Dates and
    times without an offset are of `zone`.
    """

    event: EventName
    table: Layout
    id: Texts
    fields: dict[str, Field]
    name: str = ""
    zone: str = "Asia/Shanghai"
    account: Texts = ()
    farm: Farm | None = None
    time: Field | None = None
    skip: tuple[Skip, ...] = ()
