"""A local signing key and the tokens issued with it (`tanzhang token`, `up` and `demo`)."""

import json
import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import OKPAlgorithm
from jwt.utils import base64url_encode

from shared.auth.principal import SCOPES
from shared.events.identifiers import BANK_FORM, is_bank

KEY_FILE = "signing-key.pem"
JWKS_FILE = "jwks.json"


def create_keys(directory: Path) -> tuple[Path, Path]:
    """Paths of the private key (mode 0600) and the key set, made when they are not there yet."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    key_path, jwks_path = directory / KEY_FILE, directory / JWKS_FILE
    if not key_path.exists():
        _write(key_path, _private_text(Ed25519PrivateKey.generate()), 0o600)
    keys = {"keys": [_public_key(_read_private(key_path))]}
    _write(jwks_path, json.dumps(keys, indent=2).encode(), 0o644)
    return key_path, jwks_path


def issue(
    key_path: Path,
    client: str,
    scopes: Iterable[str],
    sources: Iterable[str],
    subjects: Iterable[str],
    lifetime: timedelta,
    issuer: str,
    audience: str,
    now: datetime,
    bank: str | None = None,
) -> str:
    """A signed token. ValueError for an unknown scope, with the list, and for a wrong bank."""
    wanted = list(scopes)
    if unknown := [s for s in wanted if s not in SCOPES]:
        raise ValueError(f"unknown scope {unknown[0]!r}, expected one of: {', '.join(SCOPES)}")
    if bank is not None and not is_bank(bank):
        raise ValueError(f"wrong bank {bank!r}, expected {BANK_FORM}")
    key = _read_private(key_path)
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": client,
        "client_id": client,
        "iat": int(now.timestamp()),
        "exp": int((now + lifetime).timestamp()),
        "jti": uuid4().hex,
        "scope": " ".join(wanted),
        "sources": list(sources),
        "subjects": list(subjects),
    } | ({"bank": bank} if bank is not None else {})
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": _public_key(key)["kid"]})


def _private_text(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, and never readable by others in between."""
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    draft.replace(path)


def _read_private(path: Path) -> Ed25519PrivateKey:
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path} is not an Ed25519 private key")
    return key


def _public_key(key: Ed25519PrivateKey) -> dict[str, str]:
    """The JSON Web Key; its id is the thumbprint of RFC 7638."""
    made = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    public = {name: str(made[name]) for name in ("crv", "kty", "x")}
    kid = base64url_encode(
        sha256(json.dumps(public, separators=(",", ":")).encode()).digest()
    ).decode()
    return public | {"kid": kid, "alg": "EdDSA", "use": "sig"}
