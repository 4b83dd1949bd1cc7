"""The personal service's tables; the engine's are `shared.database.tables`."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    Table,
    Text,
)

from shared import erasure
from shared.database.tables import metadata as engine_metadata

metadata = engine_metadata("personal")

# One row per payment (line 0, with its content hash) and one per later change of what it gave.
ledger_entry = Table(
    "ledger_entry",
    metadata,
    Column("account", BigInteger, primary_key=True, autoincrement=False),
    Column("event_key", LargeBinary, primary_key=True),
    Column("line", SmallInteger, primary_key=True, autoincrement=False),
    Column("content_hash", LargeBinary),
    Column("scenario", SmallInteger),
    Column("day", Date),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("quantity", Numeric),
    Column("credited", Numeric, nullable=False),
    Column("amount_mg", BigInteger, nullable=False),
    Column("cause", Text, nullable=False),
    Column("cause_key", LargeBinary),
    Column("reason", Text),
    Column("factor_set", Text),
    Column("rule", Text),
    Column("reference", LargeBinary),
    Column("sequence", BigInteger),
    Column("source", Text),
    Column("event_id", Text),
    Column("posted_at", DateTime(timezone=True), nullable=False),
    Column("epoch", Integer, nullable=False, server_default="1"),
)
Index(
    "ledger_entry_slot",
    ledger_entry.c.account,
    ledger_entry.c.scenario,
    ledger_entry.c.day,
    postgresql_where=ledger_entry.c.scenario.isnot(None),
)

# What operators have said of a rule from a day on; without any fields: it ends there.
classification = Table(
    "classification",
    metadata,
    Column("id", Text, primary_key=True),
    Column("valid_from", Date, primary_key=True),
    Column("priority", Integer),
    Column("kind", Text),
    Column("channel", Text),
    Column("mcc_from", Text),
    Column("mcc_to", Text),
    Column("with_quantity", Boolean),
    Column("scenario", Text),
    Column("reason", Text),
    Column("changed_by", Text, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
)

# What a batch changed for one bank, until the tick folds it into the sums below.
city_change = Table(
    "city_change",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("bank", Text, nullable=False),
    Column("customers", Integer, nullable=False),
    Column("months", ARRAY(Date), nullable=False),
    Column("scenarios", ARRAY(SmallInteger), nullable=False),
    Column("amounts_mg", ARRAY(BigInteger), nullable=False),
    Column("payments", ARRAY(Integer), nullable=False),
    Column("accounts", ARRAY(BigInteger), nullable=False),
    Column("years", ARRAY(Integer), nullable=False),
    Column("fallen", ARRAY(Boolean), nullable=False),
)
city_sum = Table(
    "city_sum",
    metadata,
    Column("bank", Text, primary_key=True),
    Column("month", Date, primary_key=True),
    Column("scenario", SmallInteger, primary_key=True, autoincrement=False),
    Column("amount_mg", BigInteger, nullable=False),
    Column("payments", BigInteger, nullable=False),
)
# How many accounts have saved anything in a year; year 0: at all.
city_customers = Table(
    "city_customers",
    metadata,
    Column("bank", Text, primary_key=True),
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("customers", BigInteger, nullable=False),
)
# Who has saved anything in a year.
account_year = Table(
    "account_year",
    metadata,
    Column("account", BigInteger, primary_key=True, autoincrement=False),
    Column("year", Integer, primary_key=True, autoincrement=False),
)

# What payments refer to, hashed: whoever changes what counts of one locks its row first.
channel_reference = Table(
    "channel_reference", metadata, Column("reference", LargeBinary, primary_key=True)
)
# The payments with a reference that were not reversed, in the order in which one of them counts.
# Not movable: an account that is erased was credited, nobody knows which; its others are not here.
behaviour_report = Table(
    "behaviour_report",
    metadata,
    Column("reference", LargeBinary, primary_key=True),
    Column("scenario", SmallInteger, primary_key=True, autoincrement=False),
    Column("movable", Boolean, primary_key=True),
    Column("occurred_at", DateTime(timezone=True), primary_key=True),
    Column("event_key", LargeBinary, primary_key=True),
    Column("content_hash", LargeBinary, primary_key=True),
    Column("account", BigInteger, primary_key=True, autoincrement=False),
)

erased = erasure.table(metadata)
