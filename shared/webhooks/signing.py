"""Secrets and signatures of webhooks, by the Standard Webhooks specification 1.0."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from shared.settings import Settings

PREFIX = "whsec_"
SECRET_BYTES_MIN, SECRET_BYTES_MAX = 24, 64
SECRET_FORM = f"{PREFIX} and {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes in base64"


class NoKey(Exception):
    """Secrets cannot be kept or read here; the message says what is missing."""


def new_secret() -> str:
    """A secret as receivers take it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def is_secret(text: str) -> bool:
    """Is it `SECRET_FORM`?"""
    if not text.startswith(PREFIX):
        return False
    try:
        size = len(_key(text))
    except ValueError:
        return False
    return SECRET_BYTES_MIN <= size <= SECRET_BYTES_MAX


def signatures(keys: Iterable[str], id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` header: one signature per secret, so that secrets can be changed."""
    signed = f"{id}.{timestamp}.".encode() + body
    digests = (hmac.new(_key(key), signed, hashlib.sha256).digest() for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


class Vault:
    """Encrypts secrets for the database. The first of the keys encrypts, all of them decrypt."""

    def __init__(self, settings: Settings) -> None:
        texts = [key.strip() for key in (settings.tanzhang_webhook_key or "").split(",")]
        keys = [_fernet(key) for key in texts if key]
        self._fernet = MultiFernet(keys) if keys else None
        self._newest = keys[0] if keys else None

    def seal(self, secret: str) -> bytes:
        """What the database keeps of a secret; raises NoKey."""
        return self._opened().encrypt(secret.encode())

    def unseal(self, sealed: bytes) -> str:
        """The secret; raises NoKey."""
        try:
            return self._opened().decrypt(sealed).decode()
        except InvalidToken:
            raise NoKey(
                "TANZHANG_WEBHOOK_KEY has not the key that secrets were kept with"
            ) from None

    def renewed(self, sealed: bytes) -> bytes:
        """The same secret under the first key; as it is when it is under that one, or unreadable."""
        if self._newest is None or self._fernet is None:
            return sealed
        try:
            self._newest.decrypt(sealed)
        except InvalidToken:
            try:
                return self._fernet.rotate(sealed)
            except InvalidToken:
                return sealed
        return sealed

    def _opened(self) -> MultiFernet:
        if self._fernet is None:
            raise NoKey("TANZHANG_WEBHOOK_KEY is not set: expected a secret of your own")
        return self._fernet


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)


def _fernet(key: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))
