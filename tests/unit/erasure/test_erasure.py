"""Erased names are remembered under a key of the operator's, and fresh accounts begin anew."""

from datetime import UTC, datetime

import pytest

from shared import erasure
from shared.erasure import Erasure
from shared.settings import Settings, SettingsError
from shared.stream.service import Account


def test_a_service_without_a_key_refuses_to_start() -> None:
    with pytest.raises(SettingsError, match="TANZHANG_ERASURE_KEY is not set"):
        erasure.check_key(Settings(tanzhang_jwks="keys.json"))
    erasure.check_key(Settings(tanzhang_jwks="keys.json", tanzhang_erasure_key="k"))


def test_the_hash_depends_on_the_key() -> None:
    hashes = {
        erasure.token_hash(Settings(tanzhang_erasure_key=key), "jsrcb:token-0001")
        for key in ("one", "other")
    }
    assert len(hashes) == 2


def test_a_fresh_account_under_an_erased_name_begins_a_newer_epoch() -> None:
    account = Account(1, "jsrcb:token-0001", 1, 0, 0)
    erased = Erasure(datetime(2026, 3, 1, tzinfo=UTC), 1, 40)
    for _ in range(2):
        erasure.succeed(account, erased)
        assert (account.epoch, account.changed) == (2, True)
