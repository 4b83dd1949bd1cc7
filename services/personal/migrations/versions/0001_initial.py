"""The engine's tables, the ledger, and who was erased."""

from alembic import op

from shared.database.migrations import statements
from shared.database.revisions import ENGINE_1
from shared.erasure import ERASED_1

revision = "0001"
down_revision = None

LEDGER = """
create table ledger_entry (
    account bigint,
    event_key bytea,
    line smallint,
    content_hash bytea,
    scenario smallint,
    day date,
    occurred_at timestamptz not null,
    quantity numeric,
    credited numeric not null,
    amount_mg bigint not null,
    cause text not null,
    cause_key bytea,
    reason text,
    factor_set text,
    sequence bigint,
    source text,
    event_id text,
    posted_at timestamptz not null,
    primary key (account, event_key, line)
);
create index ledger_entry_slot on ledger_entry (account, scenario, day)
    where scenario is not null;
"""


def upgrade() -> None:
    for statement in statements(ENGINE_1 + ERASED_1 + LEDGER):
        op.execute(statement)
