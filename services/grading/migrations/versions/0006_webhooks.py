"""Subscriptions of webhooks and their deliveries."""

from alembic import op

from shared.database.migrations import statements
from shared.webhooks.tables import WEBHOOKS_1

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    for statement in statements(WEBHOOKS_1):
        op.execute(statement)
