"""Farm records as facts: what a record claims, once its dates and fields have been checked."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

from shared.events.meaning import RANGES
from shared.events.types import FarmRecord
from shared.events.validation import TEXT_LIMIT
from shared.units.calendar import Zone, parse_date

NUMBER_MAX = Decimal(10**9)
# What the door lets in.
PARCEL_ID_LENGTH_MAX = TEXT_LIMIT

# Who a fact is: (account, event key).
Reference = tuple[int, bytes]

_PLACES_MAX = 30
_EARLIEST = datetime.min.replace(tzinfo=UTC)
_NAMES = dict(zip(FarmRecord.__struct_fields__, FarmRecord.__struct_encode_fields__, strict=True))


class Refused(Exception):
    """A record that can never be posted: `reason` is a word, `detail` a sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(slots=True, frozen=True)
class Fact:
    """One farm record of an account: [starts, ends) lies within one year of the city."""

    account: int
    key: bytes
    content: bytes
    source: str
    id: str
    time: datetime | None
    starts: date
    ends: date
    record: FarmRecord

    @property
    def year(self) -> int:
        return self.starts.year

    @property
    def reference(self) -> Reference:
        return (self.account, self.key)

    @property
    def order(self) -> tuple[datetime, bytes]:
        """Where the fact stands among others, whenever it arrived."""
        return (self.time or _EARLIEST, self.key)

    @property
    def name(self) -> str:
        """How a refusal names the record."""
        return f"{self.source} {self.id}"


def period(record: FarmRecord, zone: Zone) -> tuple[date, date]:
    """The dates [start, end) of a record. Refused when they span years or are out of order."""
    starts, ends = (_date(record, field, zone) for field in ("start", "end"))
    if ends <= starts:
        raise Refused("bad_period", f"/data/end: expected a date after {starts}, got {ends}")
    if ends > date(starts.year + 1, 1, 1):
        raise Refused(
            "spans_years",
            f"/data/end: expected {starts.year + 1}-01-01 or earlier, got {ends}: "
            "a farm record lies within one year",
        )
    return starts, ends


def _date(record: FarmRecord, field: str, zone: Zone) -> date:
    text: str = getattr(record, field)
    try:
        found = parse_date(text, zone)
    except ValueError:
        raise Refused(
            "bad_period",
            f"/data/{field}: expected a date such as 2020-01-31, or midnight of the city with its "
            f"offset, got {text!r}",
        ) from None
    # The year after must exist, to compare with its first day.
    if not 1900 <= found.year < 9999:
        raise Refused(
            "bad_period", f"/data/{field}: expected a year from 1900 to 9998, got {found}"
        )
    return found


def check_parcel(record: FarmRecord) -> None:
    """Refuse a parcel id that is empty or too long, or another only by spaces around it."""
    parcel = record.parcel_id
    if not 1 <= len(parcel) <= PARCEL_ID_LENGTH_MAX or parcel != parcel.strip():
        raise Refused(
            "bad_value",
            f"/data/parcel_id: expected 1 to {PARCEL_ID_LENGTH_MAX} characters, "
            f"no space before or after them, got {parcel[:PARCEL_ID_LENGTH_MAX]!r}",
        )


def require(record: FarmRecord, *fields: str) -> None:
    """Refuse a record that lacks a field its pathway needs, or has it blank."""
    for field in fields:
        value = getattr(record, field)
        if value is None or (isinstance(value, str) and not value.strip()):
            raise Refused("missing_field", f"/data/{_NAMES[field]}: required for {record.pathway}")


def above_zero(record: FarmRecord, field: str) -> Fraction:
    """The field's value, above 0."""
    found = zero_or_more(record, field)
    if not found:
        raise Refused("bad_value", f"/data/{_NAMES[field]}: expected a number above 0")
    return found


def zero_or_more(record: FarmRecord, field: str) -> Fraction:
    """The field's value, from 0 to NUMBER_MAX."""
    require(record, field)
    value: Decimal = getattr(record, field)
    if not value.is_finite() or not 0 <= value <= NUMBER_MAX or _places(value) > _PLACES_MAX:
        raise Refused(
            "bad_value",
            f"/data/{_NAMES[field]}: expected a number from 0 to {NUMBER_MAX}, "
            f"with {_PLACES_MAX} places at most",
        )
    return Fraction(value)


def in_range(record: FarmRecord, field: str) -> Fraction:
    """The field's value, within the bounds that the door holds it to."""
    low, high = RANGES[_NAMES[field]]
    found = zero_or_more(record, field)
    if not low <= found <= high:
        raise Refused("bad_value", f"/data/{_NAMES[field]}: expected a number from {low} to {high}")
    return found


def _places(value: Decimal) -> int:
    # Checked before an exact Fraction is made: 1e-999999 would be a number of a million digits.
    exponent = value.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0
