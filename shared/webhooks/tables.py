"""The tables of webhooks, in the schema of each service that sends them."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

WEBHOOKS_1 = """
create table webhook_subscription (
    id uuid primary key,
    client text not null,
    bank text,
    url text not null,
    types text[] not null,
    subjects text[] not null,
    filter jsonb not null,
    secret bytea not null,
    old_secret bytea,
    old_secret_until timestamptz,
    created_at timestamptz not null,
    status text not null,
    disabled_at timestamptz,
    disabled_reason text,
    failing_since timestamptz,
    failures integer not null default 0,
    last_failed_at timestamptz,
    resume_at timestamptz,
    last_error text
);
create index webhook_subscription_client on webhook_subscription (client, created_at, id);
create table webhook_delivery (
    subscription uuid references webhook_subscription on delete cascade,
    number bigint generated always as identity,
    subject text not null,
    event_id text not null,
    type text not null,
    body bytea not null,
    state text not null,
    attempts integer not null default 0,
    created_at timestamptz not null,
    due_at timestamptz not null,
    first_attempt_at timestamptz,
    last_attempt_at timestamptz,
    last_status integer,
    last_error text,
    primary key (subscription, number)
);
create unique index webhook_delivery_event on webhook_delivery (subscription, subject, event_id);
create index webhook_delivery_due on webhook_delivery (subscription, due_at, number)
    where state = 'pending';
create index webhook_delivery_queue on webhook_delivery (subscription, subject, number)
    where state = 'pending';
create index webhook_delivery_failed on webhook_delivery (subscription, number)
    where state = 'failed';
create index webhook_delivery_created_at on webhook_delivery (created_at);
create table webhook_sender (
    service text primary key,
    generation bigint not null
);
"""


def add_tables(metadata: MetaData) -> None:
    """Subscriptions, and the deliveries that wait, have been made or were given up."""
    _subscriptions(metadata)
    _deliveries(metadata)
    # Who may send: a sender of an earlier generation has lost the lock and finds nothing to do.
    Table(
        "webhook_sender",
        metadata,
        Column("service", Text, primary_key=True),
        Column("generation", BigInteger, nullable=False),
    )


def _at(name: str, *, nullable: bool = True) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _subscriptions(metadata: MetaData) -> None:
    table = Table(
        "webhook_subscription",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("client", Text, nullable=False),
        Column("bank", Text),
        Column("url", Text, nullable=False),
        Column("types", ARRAY(Text), nullable=False),
        Column("subjects", ARRAY(Text), nullable=False),
        Column("filter", JSONB, nullable=False),
        Column("secret", LargeBinary, nullable=False),
        Column("old_secret", LargeBinary),
        _at("old_secret_until"),
        _at("created_at", nullable=False),
        Column("status", Text, nullable=False),
        _at("disabled_at"),
        Column("disabled_reason", Text),
        _at("failing_since"),
        Column("failures", Integer, nullable=False, server_default="0"),
        _at("last_failed_at"),
        _at("resume_at"),
        Column("last_error", Text),
    )
    Index("webhook_subscription_client", table.c.client, table.c.created_at, table.c.id)


def _deliveries(metadata: MetaData) -> None:
    subscription = ForeignKey(f"{metadata.schema}.webhook_subscription.id", ondelete="CASCADE")
    table = Table(
        "webhook_delivery",
        metadata,
        Column("subscription", Uuid, subscription, primary_key=True),
        Column("number", BigInteger, Identity(always=True), primary_key=True),
        Column("subject", Text, nullable=False),
        Column("event_id", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("state", Text, nullable=False),
        Column("attempts", Integer, nullable=False, server_default="0"),
        _at("created_at", nullable=False),
        _at("due_at", nullable=False),
        _at("first_attempt_at"),
        _at("last_attempt_at"),
        Column("last_status", Integer),
        Column("last_error", Text),
    )
    columns, pending = table.c, text("state = 'pending'")
    unique = (columns.subscription, columns.subject, columns.event_id)
    Index("webhook_delivery_event", *unique, unique=True)
    due, queue = "webhook_delivery_due", "webhook_delivery_queue"
    number = columns.number
    Index(due, columns.subscription, columns.due_at, number, postgresql_where=pending)
    Index(queue, columns.subscription, columns.subject, number, postgresql_where=pending)
    failed = text("state = 'failed'")
    Index("webhook_delivery_failed", columns.subscription, number, postgresql_where=failed)
    Index("webhook_delivery_created_at", columns.created_at)
