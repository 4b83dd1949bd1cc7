"""The points service's tables; the engine's are `shared.database.tables`."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
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
from shared.webhooks.tables import add_tables

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
    Column("decided_at", DateTime(timezone=True), nullable=False),
    Column("valid_until", DateTime(timezone=True)),
    # When a change was last told; never: null.
    Column("changed_at", DateTime(timezone=True)),
)
Index("tier_valid_until", tier.c.valid_until)
Index("tier_decided_at", tier.c.decided_at)
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
    Column("name_zh", Text),
    Column("points", BigInteger, nullable=False),
    Column("stock", Integer, nullable=False),
    Column("per_account", Integer),
    Column("valid_from", DateTime(timezone=True)),
    Column("valid_until", DateTime(timezone=True)),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("stock >= 0", name="reward_stock_not_negative"),
)
# What came onto the shelf: under the empty reference what an offer began with.
delivery = Table(
    "delivery",
    metadata,
    Column("reward_id", Text, primary_key=True),
    Column("reference", Text, primary_key=True),
    Column("quantity", Integer, nullable=False),
    Column("delivered_by", Text, nullable=False),
    Column("delivered_at", DateTime(timezone=True), nullable=False),
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
    Column("status", SmallInteger, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
# When an account could not redeem; the open one has no `lifted_at`.
freezing = Table(
    "freezing",
    metadata,
    Column("account", BigInteger, primary_key=True, autoincrement=False),
    Column("frozen_at", DateTime(timezone=True), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("frozen_by", Text, nullable=False),
    Column("lifted_at", DateTime(timezone=True)),
    Column("lifted_by", Text),
)
Index(
    "freezing_open",
    freezing.c.account,
    unique=True,
    postgresql_where=freezing.c.lifted_at.is_(None),
)
# How far the yearly pass over the accounts has come.
expiry_run = Table(
    "expiry_run",
    metadata,
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("stage", Text, primary_key=True),
    Column("position", BigInteger, nullable=False, server_default="-1"),
)
# What a person lets an institution see; the one that stands has no `ended_at`.
consent = Table(
    "consent",
    metadata,
    Column("account", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Uuid, primary_key=True),
    Column("bank", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("given_at", DateTime(timezone=True), nullable=False),
    Column("given_by", Text, nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("ended_by", Text),
    Column("replaced_by", Uuid),
)
Index("consent_id", consent.c.id)
Index(
    "consent_open",
    consent.c.account,
    consent.c.bank,
    consent.c.scope,
    unique=True,
    postgresql_where=consent.c.ended_at.is_(None),
)
Index(
    "consent_bank",
    consent.c.bank,
    consent.c.scope,
    postgresql_where=consent.c.ended_at.is_(None),
)
residence = Table(
    "residence",
    metadata,
    Column("account", BigInteger, primary_key=True, autoincrement=False),
    Column("village", Text, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
)
# Lines that may be shown, as last taken; without a rank: all others together.
league = Table(
    "league",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("rank", Integer),
    Column("people", Integer, nullable=False),
    Column("points", BigInteger, nullable=False),
)
league_taken = Table(
    "league_taken",
    metadata,
    Column("day", Date, primary_key=True),
    Column("taken_at", DateTime(timezone=True), nullable=False),
)
erased = erasure.table(metadata)
add_tables(metadata)
