"""Dead letters that nobody has sent again are found without reading all that there were."""

from alembic import op

from shared.database.migrations import statements
from shared.database.revisions import ENGINE_3

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    for statement in statements(ENGINE_3):
        op.execute(statement)
