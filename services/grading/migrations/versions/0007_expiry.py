"""Expired labels are announced: those that have expired already, at the next ticks.

A label is due while what has been announced is not the end of its validity, so that one that an
older process renews meanwhile is due again in its time.
"""

from alembic import op

from shared.database.migrations import statements

revision = "0007"
down_revision = "0006"

EXPIRY = """
alter table label add column expiry_told timestamptz;
create index label_expiring on label (valid_until)
where expiry_told is distinct from valid_until;
"""


def upgrade() -> None:
    for statement in statements(EXPIRY):
        op.execute(statement)
