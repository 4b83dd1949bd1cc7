"""The personal service's tables; the engine's are `shared.database.tables`."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Index,
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
    Column("sequence", BigInteger),
    Column("source", Text),
    Column("event_id", Text),
    Column("posted_at", DateTime(timezone=True), nullable=False),
)
Index(
    "ledger_entry_slot",
    ledger_entry.c.account,
    ledger_entry.c.scenario,
    ledger_entry.c.day,
    postgresql_where=ledger_entry.c.scenario.isnot(None),
)

erased = erasure.table(metadata)
