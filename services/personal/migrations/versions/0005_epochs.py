"""Which epoch an entry was told in: its line may have been told in another one too."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("alter table ledger_entry add column epoch integer not null default 1")
