"""Which revision the code needs."""

from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from shared.database.version import newest
from shared.settings import DOMAIN_SERVICES

SERVICES = Path(__file__).parents[3] / "services"


@pytest.mark.parametrize("service", DOMAIN_SERVICES)
def test_the_newest_revision_is_the_head_of_alembic(service: str) -> None:
    history = ScriptDirectory(str(SERVICES / service / "migrations"))
    assert newest(service) == history.get_current_head()
    assert all(len(script.revision) == 4 for script in history.walk_revisions())
