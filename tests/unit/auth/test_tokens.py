"""Which tokens are believed, which are not, and when the keys are read again."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from shared.auth.jwks import KeySet, read_keys
from shared.auth.keys import create_keys, issue
from shared.auth.tokens import TokenVerifier, check_auth_settings, open_verifier
from shared.http.problems import Problem
from shared.settings import Settings, SettingsError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
CLAIMS: dict[str, Any] = {
    "iss": "tanzhang",
    "aud": "tanzhang",
    "exp": NOW.timestamp() + 600,
    "sub": "bank",
    "scope": "labels:read points:read",
    "sources": ["urn:jsrcb"],
    "subjects": ["jsrcb:*"],
}


class Clock:
    def __init__(self, at: float = NOW.timestamp()) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


class Source:
    """A key set that counts how often it is read."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.keys = list(keys)
        self.reads = 0
        self.away = False

    async def fetch(self) -> bytes:
        self.reads += 1
        if self.away:
            raise OSError("away")
        return json.dumps({"keys": self.keys}).encode()


def rsa_jwk(kid: str = "r", key: Any = RSA_KEY, **more: Any) -> dict[str, Any]:
    return RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": kid} | more


def ec_jwk(kid: str = "e") -> dict[str, Any]:
    return ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True) | {"kid": kid}


def signed(algorithm: str = "RS256", kid: str | None = "r", key: Any = None, **change: Any) -> str:
    claims = {k: v for k, v in (CLAIMS | change).items() if v is not None}
    key = key or {"RS256": RSA_KEY, "ES256": EC_KEY}[algorithm]
    return jwt.encode(claims, key, algorithm, {"kid": kid} if kid else {})


def verifier(source: Source, clock: Callable[[], float] | None = None) -> TokenVerifier:
    clock = clock or Clock()
    return TokenVerifier(KeySet(source.fetch, clock), "tanzhang", "tanzhang", clock)


async def check_refused(found: TokenVerifier, token: str, reason: str) -> None:
    with pytest.raises(Problem) as refused:
        await found.principal(token)
    assert refused.value.status == 401
    assert reason in refused.value.detail
    assert refused.value.headers == {"www-authenticate": "Bearer"}
    assert token not in refused.value.detail


@pytest.mark.parametrize(("algorithm", "kid"), [("RS256", "r"), ("ES256", "e")])
async def test_a_good_token(algorithm: str, kid: str) -> None:
    source = Source(rsa_jwk(), ec_jwk())

    who = await verifier(source).principal(signed(algorithm, kid))

    assert who.client == "bank"
    assert who.scopes == {"labels:read", "points:read"}
    assert (who.sources, who.subjects) == (("urn:jsrcb",), ("jsrcb:*",))


async def test_issued_tokens_are_believed(tmp_path: Path) -> None:
    key_path, jwks_path = create_keys(tmp_path / "auth")
    settings = Settings(tanzhang_jwks=str(jwks_path))
    token = issue(
        key_path, "up", ["labels:read"], ["*"], ["*"], timedelta(hours=1),
        "tanzhang", "tanzhang", datetime.now(UTC), "jsrcb",
    )  # fmt: skip

    found = open_verifier(settings)

    assert found is not None
    who = await found.principal(token)
    assert (who.client, set(who.scopes), who.subjects) == ("up", {"labels:read"}, ("*",))
    assert who.bank == "jsrcb"
    assert key_path.stat().st_mode & 0o777 == 0o600
    assert "d" not in json.loads(jwks_path.read_text())["keys"][0]


async def test_a_token_may_be_a_banks() -> None:
    found = verifier(Source(rsa_jwk()))

    assert (await found.principal(signed())).bank is None
    assert (await found.principal(signed(bank="jsrcb"))).bank == "jsrcb"


@pytest.mark.parametrize("bank", ["", "JSRCB", "jsrcb:*", "b", 7, ["jsrcb"], False])
async def test_a_wrong_bank_is_not_taken_for_none(bank: Any) -> None:
    await check_refused(verifier(Source(rsa_jwk())), signed(bank=bank), "claim bank must be")


async def test_a_bank_that_is_null_is_not_taken_for_none() -> None:
    claims = jwt.encode(CLAIMS | {"bank": None}, RSA_KEY, "RS256", {"kid": "r"})
    await check_refused(verifier(Source(rsa_jwk())), claims, "claim bank must be 2 to 32")


def test_keys_are_made_once(tmp_path: Path) -> None:
    first = create_keys(tmp_path)[0].read_bytes()

    assert create_keys(tmp_path)[0].read_bytes() == first


def test_unknown_scopes_are_not_issued(tmp_path: Path) -> None:
    key_path, _ = create_keys(tmp_path)
    with pytest.raises(ValueError, match="labels:read"):
        issue(key_path, "c", ["labels:raed"], [], [], timedelta(1), "i", "a", NOW)


def test_a_wrong_bank_is_not_issued(tmp_path: Path) -> None:
    key_path, _ = create_keys(tmp_path)
    with pytest.raises(ValueError, match="wrong bank 'ICBC', expected 2 to 32"):
        issue(key_path, "c", [], [], [], timedelta(1), "i", "a", NOW, "ICBC")


async def test_wrong_signature() -> None:
    other = rsa.generate_private_key(65537, 2048)
    token = signed()
    head, payload, signature = token.split(".")
    changed = base64.urlsafe_b64encode(json.dumps(CLAIMS | {"sub": "root"}).encode())
    forged = f"{head}.{changed.decode().rstrip('=')}.{signature}"
    found = verifier(Source(rsa_jwk()))

    assert await found.principal(token)
    await check_refused(found, signed(key=other), "signature")
    await check_refused(found, forged, "signature")
    await check_refused(found, f"{head}.{payload}.", "signature")


async def test_no_algorithm() -> None:
    none = jwt.encode(CLAIMS, "", "none", {"kid": "r"})

    await check_refused(verifier(Source(rsa_jwk())), none, "algorithm")


async def test_the_public_key_as_a_shared_secret() -> None:
    """The classic confusion: HS256 keyed with the published key."""
    pem = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, json.dumps(rsa_jwk()).encode()):
        parts = [
            base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=")
            for p in ({"alg": "HS256", "typ": "JWT", "kid": "r"}, CLAIMS)
        ]
        signature = hmac.new(secret, b".".join(parts), hashlib.sha256).digest()
        token = b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()
        await check_refused(verifier(Source(rsa_jwk())), token, "algorithm")


async def test_a_symmetric_key_in_the_set_is_passed_over() -> None:
    secret = b"0123456789abcdef0123456789abcdef"
    oct_key = {"kty": "oct", "kid": "s", "k": base64.urlsafe_b64encode(secret).decode()}
    found = verifier(Source(oct_key, rsa_jwk()))

    await check_refused(found, jwt.encode(CLAIMS, secret, "HS256", {"kid": "s"}), "algorithm")


async def test_the_key_decides_about_the_algorithm() -> None:
    await check_refused(verifier(Source(rsa_jwk(), ec_jwk())), signed("ES256", "r"), "signature")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"aud": "others"}, "aud"),
        ({"iss": "others"}, "iss"),
        ({"aud": None}, "aud"),
        ({"iss": None}, "iss"),
        ({"exp": None}, "exp"),
        ({"exp": NOW.timestamp() - 31}, "expired"),
        ({"exp": True}, "exp"),
        ({"exp": float("nan")}, "exp"),
        ({"exp": float("inf")}, "exp"),
        ({"nbf": NOW.timestamp() + 31}, "nbf"),
        ({"sub": None}, "client_id"),
        ({"scope": ["labels:read"]}, "scope"),
        ({"subjects": "*"}, "subjects"),
        ({"sources": [1]}, "sources"),
    ],
)
async def test_claims(change: dict[str, Any], reason: str) -> None:
    await check_refused(verifier(Source(rsa_jwk())), signed(**change), reason)


async def test_leeway() -> None:
    clock = Clock()
    found = verifier(Source(rsa_jwk()), clock)

    assert await found.principal(signed(exp=NOW.timestamp() - 29))
    assert await found.principal(signed(nbf=NOW.timestamp() + 29))


async def test_a_token_that_was_good_expires() -> None:
    clock = Clock()
    found = verifier(Source(rsa_jwk()), clock)
    token = signed()
    assert await found.principal(token)

    clock.at += 600 + 29
    assert await found.principal(token)
    clock.at += 2
    await check_refused(found, token, "expired")


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "é.é.é", "..", "a" * 10_000])
async def test_no_token_at_all(token: str) -> None:
    with pytest.raises(Problem) as refused:
        await verifier(Source(rsa_jwk())).principal(token)
    assert refused.value.status == 401


async def test_a_token_without_key_id() -> None:
    assert await verifier(Source(rsa_jwk())).principal(signed(kid=None))
    two = verifier(Source(rsa_jwk(), ec_jwk()))
    await check_refused(two, signed(kid=None), "kid")


async def test_unknown_keys_are_looked_for_at_most_every_30_seconds() -> None:
    clock, source = Clock(), Source(rsa_jwk())
    found = verifier(source, clock)
    await found.principal(signed())
    source.keys.append(ec_jwk("new"))

    for _ in range(5):
        await check_refused(found, signed("ES256", "new"), "kid")
    assert source.reads == 1
    clock.at += 30
    assert await found.principal(signed("ES256", "new"))
    assert source.reads == 2


async def test_a_withdrawn_key_stops_counting() -> None:
    clock, source = Clock(), Source(rsa_jwk())
    found = verifier(source, clock)
    token = signed(exp=NOW.timestamp() + 7200)
    await found.principal(token)
    source.keys = [ec_jwk()]

    clock.at += 599
    assert await found.principal(token)
    clock.at += 1
    await check_refused(found, token, "kid")


async def test_keys_that_cannot_be_read() -> None:
    clock, source = Clock(), Source(rsa_jwk())
    source.away = True
    found = verifier(source, clock)

    for _ in range(3):
        with pytest.raises(Problem) as refused:
            await found.principal(signed())
        assert refused.value.status == 503
    assert source.reads == 1

    source.away = False
    clock.at += 30
    assert await found.principal(signed())
    source.away = True
    clock.at += 600
    assert await found.principal(signed(exp=clock.at + 1))


async def test_requests_that_come_while_the_keys_are_read_wait_for_them() -> None:
    source, arrived = Source(rsa_jwk()), asyncio.Event()

    async def slow() -> bytes:
        await arrived.wait()
        return await source.fetch()

    found = TokenVerifier(KeySet(slow, Clock()), "tanzhang", "tanzhang", Clock())
    asked = [asyncio.create_task(found.principal(signed(jti=str(n)))) for n in range(5)]
    await asyncio.sleep(0)
    arrived.set()

    assert {who.client for who in await asyncio.gather(*asked)} == {"bank"}
    assert source.reads == 1


def test_useless_key_sets() -> None:
    weak = rsa.generate_private_key(65537, 1024)
    for keys in ([], [rsa_jwk(key=weak)], [rsa_jwk(use="enc")], [{"kty": "EC", "kid": "x"}], [1]):
        with pytest.raises(ValueError, match="no key"):
            read_keys(json.dumps({"keys": keys}).encode())
    for text in (b"", b"[]", b"{", b'"x"', b'{"keys":5}', b'{"keys":{}}', b"{}"):
        with pytest.raises(ValueError, match="Key Set"):
            read_keys(text)


def test_a_service_without_keys_does_not_start() -> None:
    with pytest.raises(SettingsError, match="TANZHANG_JWKS"):
        check_auth_settings(Settings())
    check_auth_settings(Settings(tanzhang_jwks="/keys.json"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org", ""])
def test_without_authentication_only_loopback(host: str) -> None:
    with pytest.raises(SettingsError, match="TANZHANG_AUTH"):
        check_auth_settings(Settings(tanzhang_auth="off", tanzhang_host=host))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback(host: str) -> None:
    settings = Settings(tanzhang_auth="off", tanzhang_host=host)

    check_auth_settings(settings)
    assert open_verifier(settings) is None
