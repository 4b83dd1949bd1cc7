"""What tests of mapped files share."""

from pathlib import Path

import pytest

from tests.unit.importers.mapped import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
