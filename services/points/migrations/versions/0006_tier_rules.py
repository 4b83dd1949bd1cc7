"""Tiers found by when they were decided: those of a rule that holds no more."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("create index tier_decided_at on tier (decided_at)")
