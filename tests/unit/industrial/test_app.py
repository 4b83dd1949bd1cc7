"""What the service refuses to start with."""

import pytest

from services.industrial.app import create
from shared.settings import Settings, SettingsError


def test_a_wrong_tariff_names_the_variable() -> None:
    settings = Settings(tanzhang_auth="off", tanzhang_tariffs="electricity.peak=cheap")
    with pytest.raises(SettingsError, match=r"TANZHANG_TARIFFS: electricity\.peak: expected yuan"):
        create(settings, "api")
