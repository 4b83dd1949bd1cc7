"""The public keys that tokens are verified with: a JSON Web Key Set in a file or at a URL."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import jwt
import msgspec
import structlog

from shared.http.problems import unavailable

ALGORITHMS = ("RS256", "ES256", "EdDSA")
REFRESH_S_MIN = 30
KEYS_AGE_S_MAX = 600
RSA_BITS_MIN = 2048

Clock = Callable[[], float]
Fetch = Callable[[], Awaitable[bytes]]

log = structlog.get_logger()


class _Listed(msgspec.Struct):
    keys: list[Any]


class KeySet:
    """The public keys by id: read on first use, again for an unknown id or after ten minutes.

    A reading that fails keeps the keys that are known.
    """

    def __init__(self, fetch: Fetch, clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._tried_at: float | None = None
        self._reading = asyncio.Lock()
        self.generation = 0

    async def key(self, kid: str | None) -> jwt.PyJWK | None:
        """The key of this id; without an id, the only key there is.

        Raises Problem 503 while no key could be read at all.
        """
        if self._is_due(kid) or (self._lacks(kid) and self._reading.locked()):
            async with self._reading:
                if self._is_due(kid):
                    self._tried_at = self._clock()
                    await self._read()
        if not self._keys:
            raise unavailable("The keys for tokens cannot be read", REFRESH_S_MIN)
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid)

    async def refresh_old(self) -> None:
        """Read again when the keys are old, so that a withdrawn key stops counting."""
        if self._tried_at is not None and self._clock() - self._tried_at >= KEYS_AGE_S_MAX:
            await self.key(None)

    def _is_due(self, kid: str | None) -> bool:
        if self._tried_at is None:
            return True
        age = self._clock() - self._tried_at
        return age >= KEYS_AGE_S_MAX or (self._lacks(kid) and age >= REFRESH_S_MIN)

    def _lacks(self, kid: str | None) -> bool:
        return not self._keys or (kid is not None and kid not in self._keys)

    async def _read(self) -> None:
        try:
            found = read_keys(await self._fetch())
        except (OSError, httpx.HTTPError, ValueError) as error:
            log.error("keys_unreadable", error=type(error).__name__, reason=str(error)[:200])
            return
        self._keys = found
        self.generation += 1


def fetcher(place: str) -> Fetch:
    """How to read the set at a path or URL."""

    async def from_url() -> bytes:
        async with httpx.AsyncClient(timeout=5, follow_redirects=False) as client:
            answer = await client.get(place)
            return answer.raise_for_status().content

    async def from_file() -> bytes:
        return Path(place.removeprefix("file://")).read_bytes()

    return from_url if place.startswith(("https://", "http://")) else from_file


def read_keys(text: bytes) -> dict[str, jwt.PyJWK]:
    """The usable public keys of a JWKS document; ValueError when it has none.

    Keys of other kinds are passed over: a set may serve other software too.
    """
    try:
        listed = msgspec.json.decode(text, type=_Listed).keys
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a JSON Web Key Set: {error}") from None
    found = {str(k.get("kid", "")): key for k in listed if (key := _usable(k))}
    if not found:
        raise ValueError(f"no key for {', '.join(ALGORITHMS)} in the key set")
    return found


def _usable(listed: Any) -> jwt.PyJWK | None:
    if not isinstance(listed, dict) or listed.get("use", "sig") != "sig":
        return None
    try:
        key = jwt.PyJWK(listed)
    except jwt.PyJWTError:
        return None
    weak = key.key_type == "RSA" and key.key.key_size < RSA_BITS_MIN
    return None if weak or key.algorithm_name not in ALGORITHMS else key
