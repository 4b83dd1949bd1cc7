"""Tables of the agricultural service beside the engine's own.

Every unique key of `fact` and `ledger_entry` begins with the account, so that both can be
distributed by it.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.database import tables

metadata = tables.metadata("agri")


def _farm(metadata: MetaData) -> None:
    Table(
        "farm",
        metadata,
        Column("farm_id", Text, primary_key=True),
        Column("valid_from", Date, primary_key=True),
        Column("name", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("district", Text, nullable=False),
        Column("recorded_at", DateTime(timezone=True), nullable=False),
    )


def _fact(metadata: MetaData) -> None:
    fact = Table(
        "fact",
        metadata,
        Column("account", BigInteger, primary_key=True, autoincrement=False),
        Column("event_key", LargeBinary, primary_key=True),
        Column("content_hash", LargeBinary, nullable=False),
        Column("source", Text, nullable=False),
        Column("event_id", Text, nullable=False),
        Column("pathway", Text, nullable=False),
        Column("parcel_id", Text, nullable=False),
        Column("year", Integer, nullable=False),
        Column("starts", Date, nullable=False),
        Column("ends", Date, nullable=False),
        Column("time", DateTime(timezone=True)),
        Column("data", JSONB, nullable=False),
        Column("replaced_by", LargeBinary),
        Column("posted_at", DateTime(timezone=True), nullable=False),
    )
    Index("fact_account_year", fact.c.account, fact.c.year)


def _ledger_entry(metadata: MetaData) -> None:
    entry = Table(
        "ledger_entry",
        metadata,
        Column("account", BigInteger, primary_key=True, autoincrement=False),
        Column("event_key", LargeBinary, primary_key=True),
        Column("line", Integer, primary_key=True, autoincrement=False),
        Column("year", Integer, nullable=False),
        Column("month", Date, nullable=False),
        Column("pathway", Text, nullable=False),
        Column("parcel_id", Text, nullable=False),
        Column("quantity", Numeric, nullable=False),
        Column("unit", Text, nullable=False),
        Column("factor", Numeric, nullable=False),
        Column("factor_set", Text, nullable=False),
        Column("factor_version", Text, nullable=False),
        Column("rule", Text, nullable=False),
        Column("amount_mg", BigInteger, nullable=False),
        Column("reverses", Integer),
        Column("cause", LargeBinary, nullable=False),
        Column("sequence", BigInteger, nullable=False),
        Column("posted_at", DateTime(timezone=True), nullable=False),
    )
    Index("ledger_entry_account_year", entry.c.account, entry.c.year)
    Index("ledger_entry_account_sequence", entry.c.account, entry.c.sequence)
    Index("ledger_entry_posted_at", entry.c.posted_at)


_farm(metadata)
_fact(metadata)
_ledger_entry(metadata)
