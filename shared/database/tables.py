"""The engine's tables, the same in every service's schema.

`account.number` is the internal random number that ledger tables key on; `subject` is the only
place that knows who it is, so that dropping its row makes an account anonymous.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    false,
    func,
    text,
)


def metadata(schema: str) -> MetaData:
    """Table metadata of a service with the engine's tables in it."""
    found = MetaData(
        schema=schema,
        naming_convention={"pk": "%(table_name)s_pkey", "ix": "%(table_name)s_%(column_0_N_name)s"},
    )
    _accounts(found)
    _stream(found)
    _aside(found)
    return found


def _now(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def _accounts(metadata: MetaData) -> None:
    Table(
        "subject",
        metadata,
        Column("subject", Text, primary_key=True),
        Column("account", BigInteger, nullable=False, unique=True),
    )
    Table(
        "account",
        metadata,
        Column("number", BigInteger, primary_key=True, autoincrement=False),
        Column("epoch", Integer, nullable=False, server_default="1"),
        Column("sequence", BigInteger, nullable=False, server_default="0"),
        Column("balance", BigInteger, nullable=False, server_default="0"),
        _now("created_at"),
        Column("erased", Boolean, nullable=False, server_default=false()),
        postgresql_with={"fillfactor": 70},
    )


def _stream(metadata: MetaData) -> None:
    Table(
        "consumer_offset",
        metadata,
        Column("topic", Text, primary_key=True),
        Column("partition", Integer, primary_key=True, autoincrement=False),
        Column("next_offset", BigInteger, nullable=False),
        Column("cluster", Text, nullable=False),
        _now("updated_at"),
        postgresql_with={"fillfactor": 50},
    )
    Table(
        "outbox",
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("topic", Text, nullable=False),
        Column("messages", LargeBinary, nullable=False),
        Column("rows", Integer, nullable=False),
        _now("created_at"),
        postgresql_with={"autovacuum_vacuum_scale_factor": 0.01},
    )


def _aside(metadata: MetaData) -> None:
    letters = Table(
        "dead_letter",
        metadata,
        Column("digest", LargeBinary, primary_key=True),
        Column("account", BigInteger, index=True),
        Column("reason", Text, nullable=False),
        Column("detail", Text, nullable=False),
        Column("source", Text),
        Column("event_id", Text),
        Column("topic", Text),
        Column("partition", Integer),
        Column("offset", BigInteger),
        Column("raw", LargeBinary, nullable=False),
        Column("seen", Integer, nullable=False, server_default="1"),
        _now("first_seen"),
        Column("replayed_at", DateTime(timezone=True)),
    )
    replayable = text("replayed_at is null")
    Index("dead_letter_open", letters.c.reason, postgresql_where=replayable)
    parked = Table(
        "parked",
        metadata,
        Column("account", BigInteger, primary_key=True, autoincrement=False),
        Column("event_key", LargeBinary, primary_key=True),
        Column("content_hash", LargeBinary, nullable=False),
        Column("waits_for", Text, nullable=False),
        Column("source", Text, nullable=False, index=True),
        Column("raw", LargeBinary, nullable=False),
        _now("parked_at"),
        Column("until", DateTime(timezone=True), nullable=False, index=True),
    )
    Index("parked_waits_for", parked.c.account, parked.c.waits_for)
