"""Tables of the industrial accounts, in the schema `industrial`."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.database import tables

metadata = tables.metadata("industrial")


def _instant(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _words(*names: str) -> list[Column[str]]:
    return [Column(name, Text, nullable=False) for name in names]


def _totals(*names: str) -> list[Column[int]]:
    return [Column(name, BigInteger, nullable=False) for name in names]


def _counts(*names: str) -> list[Column[object]]:
    return [Column(name, JSONB, nullable=False) for name in names]


# The registry: one row per version, in force from `valid_from` until the next one.
enterprise = Table(
    "enterprise",
    metadata,
    Column("id", Text, primary_key=True),
    Column("valid_from", Date, primary_key=True),
    *_words("name", "sector", "district", "grid_region", "product", "product_unit"),
    _instant("recorded_at"),
)
asset = Table(
    "asset",
    metadata,
    Column("enterprise_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("valid_from", Date, primary_key=True),
    *_words("kind", "name"),
    Column("parent", Text),
    _instant("recorded_at"),
)
meter = Table(
    "meter",
    metadata,
    Column("id", Text, primary_key=True),
    Column("valid_from", Date, primary_key=True),
    *_words("enterprise_id", "carrier", "unit", "kind"),
    Column("multiplier", Numeric, nullable=False),
    Column("register_max", Numeric),
    Column("rate_max", Numeric),
    Column("asset_id", Text),
    _instant("recorded_at"),
)
Index("meter_enterprise", meter.c.enterprise_id)

# Measured properties of fuels and steam, in the place of the defaults.
measured_fuel = Table(
    "measured_fuel",
    metadata,
    Column("enterprise_id", Text, primary_key=True),
    Column("carrier", Text, primary_key=True),
    Column("valid_from", Date, primary_key=True),
    Column("ncv", Numeric),
    Column("ncv_unit", Text),
    *(Column(name, Numeric) for name in ("carbon_content", "oxidation", "enthalpy")),
    *_words("evidence"),
    _instant("recorded_at"),
)

# What a version said before it was corrected (a trigger keeps it): known from `recorded_at` until
# `replaced_at`. `id` of a fuel is its carrier.
superseded = Table(
    "superseded",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("enterprise_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("valid_from", Date, primary_key=True),
    Column("recorded_at", DateTime(timezone=True), primary_key=True),
    _instant("replaced_at"),
    Column("record", JSONB, nullable=False),
)
Index("superseded_id", superseded.c.kind, superseded.c.id)

# The journal: one row per posted event. `state` is posted, superseded (an equal interval beat it)
# or replaced; dates are kept as midnight UTC in starts and ends.
fact = Table(
    "fact",
    metadata,
    Column("account", BigInteger, primary_key=True, autoincrement=False),
    Column("event_key", LargeBinary, primary_key=True),
    Column("content_hash", LargeBinary, nullable=False),
    *_words("source", "event_id", "kind", "slot"),
    _instant("starts", nullable=True),
    _instant("ends"),
    _instant("time", nullable=True),
    *_words("quality"),
    Column("value", Numeric, nullable=False),
    *_words("unit"),
    Column("data", JSONB, nullable=False),
    Column("claim", JSONB),
    *_words("state"),
    Column("superseded_by", LargeBinary),
    Column("replaced_by", LargeBinary),
    postgresql_with={"fillfactor": 90},
)
Index("fact_slot", fact.c.account, fact.c.slot, fact.c.ends)
# Counters only: their neighbours are looked for beside any number of interval readings.
Index(
    "fact_counter",
    fact.c.account,
    fact.c.slot,
    fact.c.ends,
    postgresql_where=fact.c.starts.is_(None),
)

# The ledger. Append-only: a correction is a line of the same event with the negated amount.
ledger_entry = Table(
    "ledger_entry",
    metadata,
    Column("account", BigInteger, primary_key=True, autoincrement=False),
    Column("event_key", LargeBinary, primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("caused_by", LargeBinary, nullable=False),
    Column("month", Date, nullable=False),
    *_words("category"),
    Column("asset_id", Text),
    Column("meter_id", Text),
    *_words("activity"),
    Column("quantity", Numeric, nullable=False),
    *_words("unit"),
    Column("factor", Numeric, nullable=False),
    Column("factor_id", Text),
    Column("factor_set", Text),
    Column("factor_version", Text),
    Column("fallback", Boolean, nullable=False),
    *_words("quality"),
    Column("amount_mg", BigInteger, nullable=False),
    Column("reverses", Integer),
    *_words("cause", "rule"),
    Column("sequence", BigInteger, nullable=False),
    _instant("posted_at"),
)
# With what is summed: entries of one account lie on nearly as many pages as there are entries.
Index(
    "ledger_entry_sums",
    ledger_entry.c.account,
    ledger_entry.c.month,
    postgresql_include=[
        "category",
        "asset_id",
        "meter_id",
        "activity",
        "unit",
        "quantity",
        "amount_mg",
    ],
)

# Sums of the entries, kept by the same transaction: see domain/years.py. Counts by month and by
# factor set are JSON, which the driver writes faster than arrays.
account_year = Table(
    "account_year",
    metadata,
    Column("account", BigInteger, primary_key=True, autoincrement=False),
    Column("year", Integer, primary_key=True, autoincrement=False),
    *_totals("energy_mg", "process_mg", "avoided_mg", "pv_mg"),
    Column("output", Numeric, nullable=False),
    Column("value_added", Numeric, nullable=False),
    *_totals("actual_mg", "estimated_mg", "substituted_mg"),
    *_counts("energy_readings", "output_reports", "factor_sets"),
    *_counts("energy_months", "process_months", "avoided_months"),
    *_totals("measured_mg"),
    postgresql_with={"fillfactor": 70},
)

# Years closed and opened again: the last change of a year says which it is.
year_change = Table(
    "year_change",
    metadata,
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("n", Integer, primary_key=True, autoincrement=False),
    *_words("action"),
    Column("reason", Text),
    *_words("by"),
    _instant("at"),
)

# What was computed again: totals before and after, entries by figure that were taken back and
# posted in their place.
restatement = Table(
    "restatement",
    metadata,
    Column("account", BigInteger, primary_key=True, autoincrement=False),
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("n", Integer, primary_key=True, autoincrement=False),
    _instant("at"),
    *_words("by"),
    Column("reason", Text),
    Column("closed", Boolean, nullable=False),
    *_totals("events", "before_mg", "after_mg"),
    *_counts("replaced", "posted"),
)

# Readings held for a person to look at: the engine has them parked. See domain/reviews.py.
review = Table(
    "review",
    metadata,
    Column("account", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, primary_key=True),
    Column("event_key", LargeBinary, nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
    *_words("source", "event_id", "meter_id", "reason", "detail"),
    Column("state", Text, nullable=False, server_default=text("'open'")),
    _instant("opened_at"),
    _instant("decided_at", nullable=True),
    Column("decided_by", Text),
    Column("note", Text),
)
Index("review_id", review.c.id)
Index("review_event", review.c.account, review.c.event_key)
Index("review_meter", review.c.account, review.c.meter_id)
Index("review_opened_at", review.c.opened_at, review.c.id)

# Reduction points that were acted on: `baseline` has the figures as they were then.
adoption = Table(
    "adoption",
    metadata,
    Column("account", BigInteger, primary_key=True, autoincrement=False),
    Column("opportunity", Text, primary_key=True),
    Column("since", Date, nullable=False),
    *_words("note"),
    Column("baseline", JSONB, nullable=False),
    *_words("recorded_by"),
    _instant("recorded_at"),
)

# Days above the usual band, each told once. `asset_id` "" is the enterprise as a whole.
warning = Table(
    "warning",
    metadata,
    Column("account", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Date, primary_key=True),
    Column("asset_id", Text, primary_key=True),
    Column("carrier", Text, primary_key=True),
    *_words("unit"),
    Column("value", Numeric, nullable=False),
    Column("median", Numeric, nullable=False),
    Column("band", Numeric, nullable=False),
    Column("days", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    _instant("told_at"),
)
# Up to which day an account was compared with its band.
watched = Table(
    "watched",
    metadata,
    Column("account", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Date, nullable=False),
)
