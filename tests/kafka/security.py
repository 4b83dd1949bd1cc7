"""What a secured broker needs: a CA, a server certificate it has signed, SCRAM users."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

BROKER_USER = "broker"
VALID = timedelta(days=1)


@dataclass(slots=True, frozen=True)
class Security:
    """SASL/SCRAM-SHA-512 over TLS. `users` are names and passwords; brokers use the first.

    `ca` is the certificate clients trust, `server` the broker's key and certificate (PEM).
    With `rights` a user may do what an access rule allows, and brokers all; without, users may all.
    """

    users: Mapping[str, str]
    ca: Path
    server: Path
    rights: bool = False

    def environment(self, user: str) -> dict[str, str]:
        """Our own settings for a client that is `user`."""
        return {
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "KAFKA_SASL_USERNAME": user,
            "KAFKA_SASL_PASSWORD": self.users[user],
            "KAFKA_SSL_CAFILE": str(self.ca),
        }


def make(directory: Path, users: Mapping[str, str], *, rights: bool = False) -> Security:
    """Write a new CA and a certificate for 127.0.0.1 into `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    ca_key, ca = certificate_authority("Test CA")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.SubjectAlternativeName(
        [x509.IPAddress(IPv4Address("127.0.0.1")), x509.DNSName("localhost")]
    )
    server = _builder("kafka", ca.subject, key.public_key())
    server = server.add_extension(name, critical=False)
    certificate = server.sign(ca_key, hashes.SHA256())
    security = Security(
        {BROKER_USER: "between-brokers"} | dict(users),
        ca=directory / "ca.pem",
        server=directory / "server.pem",
        rights=rights,
    )
    security.ca.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    security.server.touch(mode=0o600)
    security.server.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return security


def certificate_authority(name: str) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """A key and the certificate it has signed for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    builder = _builder(name, subject, key.public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return key, builder.sign(key, hashes.SHA256())


def _builder(
    name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + VALID)
    )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
