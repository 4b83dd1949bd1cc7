"""Bearer tokens: signed JWTs, verified against a key set from a file or a URL."""

import ipaddress
import math
import time
from hashlib import sha256
from typing import Any

import jwt

from shared.auth.jwks import ALGORITHMS, Clock, KeySet, fetcher
from shared.auth.principal import Principal
from shared.events.identifiers import BANK_FORM, is_bank
from shared.http.problems import unauthorized
from shared.settings import Settings, SettingsError

LEEWAY_S = 30
TOKENS_MAX = 10_000
TOKEN_CHARACTERS_MAX = 8192


def check_auth_settings(settings: Settings) -> None:
    """Raise SettingsError when the service would answer to anyone, or could answer nobody."""
    if settings.tanzhang_auth == "off":
        if not _is_loopback(settings.tanzhang_host):
            raise SettingsError(
                "TANZHANG_AUTH: off is for the loopback interface only, and TANZHANG_HOST is "
                f"{settings.tanzhang_host}: set TANZHANG_HOST=127.0.0.1 or TANZHANG_AUTH=jwt"
            )
    elif settings.tanzhang_jwks is None:
        raise SettingsError(
            "TANZHANG_JWKS is not set: expected the path or https URL of a JSON Web Key Set"
        )


def open_verifier(settings: Settings) -> "TokenVerifier | None":
    """The verifier of these settings; None when TANZHANG_AUTH is off."""
    if settings.tanzhang_auth == "off" or settings.tanzhang_jwks is None:
        return None
    keys = KeySet(fetcher(settings.tanzhang_jwks), time.monotonic)
    return TokenVerifier(
        keys, settings.tanzhang_jwt_issuer, settings.tanzhang_jwt_audience, time.time
    )


class TokenVerifier:
    """Tokens to principals. A token seen before costs one hash."""

    def __init__(self, keys: KeySet, issuer: str, audience: str, clock: Clock) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._known: dict[bytes, tuple[Principal, float]] = {}
        self._generation = -1

    async def principal(self, token: str) -> Principal:
        """Who the token is; raises Problem 401 with the reason."""
        await self._keys.refresh_old()
        if self._generation != self._keys.generation or len(self._known) >= TOKENS_MAX:
            self._known.clear()
            self._generation = self._keys.generation
        digest = sha256(token.encode()).digest()
        known = self._known.get(digest)
        if known is None:
            known = self._known[digest] = await self._verified(token)
        principal, expires = known
        if self._clock() >= expires + LEEWAY_S:
            del self._known[digest]
            raise unauthorized("The token has expired")
        return principal

    async def _verified(self, token: str) -> tuple[Principal, float]:
        try:
            claims = await self._claims(token)
        except jwt.MissingRequiredClaimError as error:
            raise unauthorized(f"The token lacks the claim {error.claim}") from None
        except jwt.InvalidAudienceError:
            raise unauthorized("The token is for another audience (aud)") from None
        except jwt.InvalidIssuerError:
            raise unauthorized("The token is from another issuer (iss)") from None
        except jwt.PyJWTError:
            raise unauthorized("The token's form or signature is wrong") from None
        if _number(claims, "nbf", 0) > self._clock() + LEEWAY_S:
            raise unauthorized("The token is not valid yet (nbf)")
        return _principal(claims), _number(claims, "exp", 0)

    async def _claims(self, token: str) -> dict[str, Any]:
        if len(token) > TOKEN_CHARACTERS_MAX:
            raise jwt.DecodeError("too long")
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS:
            raise unauthorized(f"The token's algorithm must be one of {', '.join(ALGORITHMS)}")
        key = await self._keys.key(header.get("kid"))
        if key is None:
            raise unauthorized("The token's key (kid) is not known")
        # The key decides about the algorithm, never the token alone.
        options: Any = {
            "require": ["exp", "iss", "aud"],
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
        }
        found: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            audience=self._audience,
            issuer=self._issuer,
            options=options,
        )
        return found


def _principal(claims: dict[str, Any]) -> Principal:
    client = claims.get("client_id") or claims.get("azp") or claims.get("sub")
    scope = claims.get("scope", "")
    if not isinstance(client, str) or not isinstance(scope, str):
        raise unauthorized("The token needs the texts client_id (or sub) and scope")
    return Principal(
        client,
        frozenset(scope.split()),
        _texts(claims, "sources"),
        _texts(claims, "subjects"),
        _bank(claims),
    )


def _bank(claims: dict[str, Any]) -> str | None:
    """A claim that is there and wrong must not read as none: that would need no consent."""
    if "bank" not in claims:
        return None
    found = claims["bank"]
    if not isinstance(found, str) or not is_bank(found):
        raise unauthorized(f"The token's claim bank must be {BANK_FORM}")
    return found


def _texts(claims: dict[str, Any], name: str) -> tuple[str, ...]:
    found = claims.get(name, [])
    if not isinstance(found, list) or not all(isinstance(f, str) for f in found):
        raise unauthorized(f"The token's claim {name} must be a list of texts")
    return tuple(found)


def _number(claims: dict[str, Any], name: str, otherwise: float) -> float:
    found = claims.get(name, otherwise)
    # Python's JSON knows NaN and Infinity: a token with such an end would have none.
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        raise unauthorized(f"The token's claim {name} must be a number")
    return found


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
