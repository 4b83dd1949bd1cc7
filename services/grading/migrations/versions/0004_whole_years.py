"""Labels and the history dimension count whole years only, and January is no ground for a label.

Every label is graded anew at the next tick, since it no longer has the version of its rule.
"""

from alembic import op

from shared.database.migrations import statements

revision = "0004"
down_revision = "0003"

REGRADE = """
update label set rule_version = '';
delete from clock;
"""


def upgrade() -> None:
    for statement in statements(REGRADE):
        op.execute(statement)
