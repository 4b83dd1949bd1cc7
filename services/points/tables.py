"""The points service's tables; the engine's are `shared.database.tables`."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared import erasure
from shared.database.tables import metadata as engine_metadata

metadata = engine_metadata("points")

# One row per movement: `points` milli-points from one ledger account to another.
posting = Table(
    "posting",
    metadata,
    Column("account", BigInteger, primary_key=True, autoincrement=False),
    Column("event_key", LargeBinary, primary_key=True),
    Column("line", SmallInteger, primary_key=True, autoincrement=False),
    Column("content_hash", LargeBinary),
    Column("kind", Text, nullable=False),
    Column("from_account", Text, nullable=False),
    Column("to_account", Text, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("cause", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("posted_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("points > 0", name="posting_points_positive"),
)
# What a member owes; only rows above zero.
claim = Table(
    "claim",
    metadata,
    Column("account", BigInteger, primary_key=True, autoincrement=False),
    Column("points", BigInteger, nullable=False),
    CheckConstraint("points > 0", name="claim_points_positive"),
)
tier = Table(
    "tier",
    metadata,
    Column("account", BigInteger, primary_key=True, autoincrement=False),
    Column("tier", Text, nullable=False),
    Column("trailing_mg", BigInteger, nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False, index=True),
)
# Accounts whose tier must be looked at again.
tier_due = Table(
    "tier_due",
    metadata,
    Column("account", BigInteger, primary_key=True, autoincrement=False),
)
reward = Table(
    "reward",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("stock", Integer, nullable=False),
    Column("per_account", Integer),
    Column("valid_until", DateTime(timezone=True)),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("stock >= 0", name="reward_stock_not_negative"),
)
redemption = Table(
    "redemption",
    metadata,
    Column("account", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Uuid, primary_key=True),
    Column("reward_id", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("cancelled_at", DateTime(timezone=True)),
)
Index("redemption_id", redemption.c.id)
idempotency = Table(
    "idempotency",
    metadata,
    Column("client", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("account", BigInteger, nullable=False, index=True),
    Column("request_hash", LargeBinary, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
# How far the yearly pass over the accounts has come.
expiry_run = Table(
    "expiry_run",
    metadata,
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("stage", Text, primary_key=True),
    Column("position", BigInteger, nullable=False, server_default="-1"),
)
erased = erasure.table(metadata)
