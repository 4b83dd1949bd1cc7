"""The months of an account are summed from the index alone, not from as many pages as entries."""

from alembic import op

from shared.database.migrations import statements

revision = "0008"
down_revision = "0007"

CHANGES = """
create index ledger_entry_sums on ledger_entry (account, month)
    include (category, asset_id, meter_id, activity, unit, quantity, amount_mg);
drop index ledger_entry_month;
"""


def upgrade() -> None:
    for statement in statements(CHANGES):
        op.execute(statement)
