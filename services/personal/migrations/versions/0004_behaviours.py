"""What banks say payments refer to: one behaviour is credited once."""

from alembic import op

from shared.database.migrations import statements

revision = "0004"
down_revision = "0003"

# Reports are no ledger: only those that stand, keyed by what they are about.
BEHAVIOURS = """
alter table ledger_entry add column reference bytea;
create table channel_reference (
    reference bytea primary key
);
create table behaviour_report (
    reference bytea,
    scenario smallint,
    movable boolean,
    occurred_at timestamptz,
    event_key bytea,
    content_hash bytea,
    account bigint,
    primary key (reference, scenario, movable, occurred_at, event_key, content_hash, account)
);
"""


def upgrade() -> None:
    for statement in statements(BEHAVIOURS):
        op.execute(statement)
