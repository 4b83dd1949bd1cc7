"""Readings held for review, and exchanged meters."""

from alembic import op

from shared.database.migrations import statements

revision = "0004"
down_revision = "0003"

# Nothing was ever held in the table that this one takes the place of.
CHANGES = """
alter table meter add column rate_max numeric;
drop table review;
create table review (
    account bigint,
    id text,
    event_key bytea not null,
    content_hash bytea not null,
    source text not null,
    event_id text not null,
    meter_id text not null,
    reason text not null,
    detail text not null,
    state text not null default 'open',
    opened_at timestamptz not null,
    decided_at timestamptz,
    decided_by text,
    note text,
    primary key (account, id)
);
create index review_id on review (id);
create index review_event on review (account, event_key);
create index review_meter on review (account, meter_id);
create index review_opened_at on review (opened_at, id);
"""


def upgrade() -> None:
    for statement in statements(CHANGES):
        op.execute(statement)
