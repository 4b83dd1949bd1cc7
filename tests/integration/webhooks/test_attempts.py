"""One attempt over TLS: the certificate is that of the name, the connection goes to the address."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.webhooks.addresses import Guard
from shared.webhooks.attempts import Answer, Post, Target
from shared.webhooks.deliveries import Due
from tests.integration.webhooks.rude import OK, Rude, saying

NOW = datetime.now(UTC)
NAME = "bank.example"


def _certificate(directory: Path) -> Path:
    """A file with the key and the certificate of NAME, which signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = directory / "bank.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


@asynccontextmanager
async def _bank(file: Path) -> AsyncIterator[tuple[Post, int]]:
    """A receiver with this certificate, and how to post to whatever name at its port."""
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(file)
    receiver = Rude(saying(OK))
    server = await asyncio.start_server(receiver, "127.0.0.1", 0, ssl=served)

    async def here(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    guard = Guard((ip_network("127.0.0.0/8"),), here)
    trusting = ssl.create_default_context(cafile=str(file))
    try:
        yield Post(guard, lambda: NOW, 5.0, trusting), server.sockets[0].getsockname()[1]
    finally:
        server.close()
        receiver.leave()


async def _attempt(post: Post, url: str) -> Answer | None:
    what = Due(1, "jsrcb:token-alice", "a1", "t", b"{}", 0, None)
    to = await post.target(url, ())
    assert isinstance(to, Target)
    async with post.transport() as transport:
        return await post.attempt(transport, to, what)


async def test_the_certificate_is_that_of_the_name(tmp_path: Path) -> None:
    async with _bank(_certificate(tmp_path)) as (post, port):
        answer = await _attempt(post, f"https://{NAME}:{port}/hook")
    assert answer == Answer(200)


async def test_a_certificate_of_another_name_is_refused(tmp_path: Path) -> None:
    async with _bank(_certificate(tmp_path)) as (post, port):
        answer = await _attempt(post, f"https://other.example:{port}/hook")
    assert answer == Answer(None, "no answer: ConnectError")


async def test_a_proxy_of_the_environment_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    async with _bank(_certificate(tmp_path)) as (post, port):
        assert await _attempt(post, f"https://{NAME}:{port}/hook") == Answer(200)
