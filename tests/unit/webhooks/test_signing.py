"""Secrets of webhooks and what is signed with them."""

import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from shared.settings import Settings
from shared.webhooks.signing import NoKey, Vault, is_secret, new_secret, signatures

BODY = '{"type": "碳账"}'.encode()


def _headers(*secrets: str) -> dict[str, str]:
    at = int(datetime.now(UTC).timestamp())
    return {
        "webhook-id": "m1",
        "webhook-timestamp": str(at),
        "webhook-signature": signatures(secrets, "m1", at, BODY),
    }


def test_a_receiver_with_the_standard_library_takes_it() -> None:
    secret = new_secret()
    assert Webhook(secret).verify(BODY.decode(), _headers(secret)) == {"type": "碳账"}


def test_while_a_secret_is_changed_both_receivers_take_it() -> None:
    old, new = new_secret(), new_secret()
    for secret in (old, new):
        Webhook(secret).verify(BODY.decode(), _headers(new, old))


def test_with_another_secret_it_is_not_taken() -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY.decode(), _headers(new_secret()))


def test_a_secret_has_24_to_64_bytes() -> None:
    def secret(size: int) -> str:
        return "whsec_" + base64.b64encode(bytes(size)).decode()

    assert is_secret(new_secret())
    assert is_secret(secret(24))
    assert is_secret(secret(64))
    for wrong in (secret(23), secret(65), secret(32)[6:], "whsec_", "whsec_%%%", "whsec_碳"):
        assert not is_secret(wrong), wrong


def test_what_is_kept_is_not_the_secret_and_gives_it_back() -> None:
    vault = Vault(Settings(tanzhang_webhook_key="one"))
    sealed = vault.seal("whsec_abc")
    assert b"abc" not in sealed
    assert vault.unseal(sealed) == "whsec_abc"


def test_the_key_can_be_changed_while_the_old_one_is_known() -> None:
    sealed = Vault(Settings(tanzhang_webhook_key="one")).seal("whsec_abc")
    assert Vault(Settings(tanzhang_webhook_key="two, one")).unseal(sealed) == "whsec_abc"
    with pytest.raises(NoKey, match="has not the key"):
        Vault(Settings(tanzhang_webhook_key="two")).unseal(sealed)


def test_without_a_key_nothing_is_kept() -> None:
    with pytest.raises(NoKey, match="TANZHANG_WEBHOOK_KEY is not set"):
        Vault(Settings()).seal("whsec_abc")


def test_a_secret_is_kept_under_the_first_key_when_renewed() -> None:
    sealed = Vault(Settings(tanzhang_webhook_key="one")).seal("whsec_abc")
    both = Vault(Settings(tanzhang_webhook_key="two, one"))
    renewed = both.renewed(sealed)
    assert Vault(Settings(tanzhang_webhook_key="two")).unseal(renewed) == "whsec_abc"
    assert both.renewed(renewed) == renewed


def test_what_no_key_opens_stays_as_it_is() -> None:
    sealed = Vault(Settings(tanzhang_webhook_key="one")).seal("whsec_abc")
    assert Vault(Settings(tanzhang_webhook_key="two")).renewed(sealed) == sealed
