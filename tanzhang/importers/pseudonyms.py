"""Accounts and transactions of a bank as names that nobody can turn back without its key."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

KEY_BYTES_MIN = 16
_KEY_BYTES_MAX = 4096
_HEX_DIGITS = 32
_SEPARATOR = "\x1f"


class KeyRefusedError(ValueError):
    """A key that protects nobody; the sentence says what was expected."""


@dataclass(frozen=True, slots=True)
class Key:
    """A secret that is never shown."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not KEY_BYTES_MIN <= len(self.secret) <= _KEY_BYTES_MAX:
            raise KeyRefusedError(
                f"expected a key of {KEY_BYTES_MIN} bytes or more, got {len(self.secret)}"
            )
        if len(set(self.secret)) < KEY_BYTES_MIN // 2:
            raise KeyRefusedError("expected a random key, the same few bytes come again and again")

    def name(self, *parts: str) -> str:
        """32 hexadecimal digits: HMAC-SHA-256 of the parts, joined by U+001F."""
        said = _SEPARATOR.join(parts).encode()
        return hmac.new(self.secret, said, sha256).hexdigest()[:_HEX_DIGITS]


def key_of(raw: bytes) -> Key:
    """The key in a file or variable; a line end after it is no part of it."""
    return Key(raw.strip(b"\r\n"))


def account_token(key: Key, bank: str, account: Sequence[str]) -> str:
    """The token of an account: the same for the same key, bank and account, whatever the file."""
    return key.name("account", bank, *account)


def transaction_id(key: Key, bank: str, columns: Sequence[str]) -> str:
    """The event id of a transaction."""
    return key.name("transaction", bank, *columns)


def behaviour_reference(key: Key, reference: str) -> str:
    """The reference of a behaviour, the same at every bank that has this key."""
    return key.name("behaviour", reference)


def farm_token(key: Key, farm: str) -> str:
    """The token of a farm whose number in the ledger may be a person's."""
    return key.name("farm", farm)
