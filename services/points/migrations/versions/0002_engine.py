"""Erased accounts are marked; outgoing messages are stored as they are."""

from alembic import op

from shared.database.migrations import statements
from shared.database.revisions import ENGINE_2

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for statement in statements(ENGINE_2):
        op.execute(statement)
