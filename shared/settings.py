"""Settings of every process, read once from the environment."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

SERVICES = ("ingest", "industrial", "agri", "personal", "grading", "points")
DOMAIN_SERVICES = SERVICES[1:]
# The services listen above it, in the order of SERVICES.
BASE_PORT = 8100
DATABASE_FORM = "postgresql://user:password@host:port/database"
BROKERS_FORM = "host:port, several by commas"
_PORT = r"(:([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
_HOST = rf"(\[[0-9A-Fa-f:.]+\]|[^\[\]:/,?#@\s]+){_PORT}"
_BROKERS = re.compile(rf"{_HOST}(, *{_HOST})*")
# Without a host: the socket, or the one of `?host=`. Who signs in stands before the only @.
_DATABASE = re.compile(rf"postgres(ql)?://([^/?#@\[\]]*@)?({_HOST}(,{_HOST})*)?([/?].*)?")

Count = Annotated[int, msgspec.Meta(ge=1)]
Limit = Annotated[int, msgspec.Meta(ge=0)]


class SettingsError(ValueError):
    """A setting has a wrong value; names the variable."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One field per environment variable; `NAME` below is the variable in lower case.

    Fields without the `tanzhang_` prefix are names that other software uses too. Instead of
    `NAME`, `NAME_FILE` may be the path of a file that holds the value, as secrets are mounted.
    """

    kafka_bootstrap_servers: str = "127.0.0.1:9092"
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: str = "SCRAM-SHA-512"
    kafka_sasl_username: str | None = None
    kafka_sasl_password: str | None = None
    kafka_ssl_cafile: str | None = None
    kafka_idempotence: bool = True
    kafka_session_timeout_ms: Count = 45_000
    database_url: str | None = None
    industrial_database_url: str | None = None
    agri_database_url: str | None = None
    personal_database_url: str | None = None
    grading_database_url: str | None = None
    points_database_url: str | None = None

    tanzhang_topic_prefix: str = ""
    tanzhang_partitions: Count = 12
    tanzhang_replication: int = 1
    tanzhang_auth: Literal["jwt", "off"] = "jwt"
    tanzhang_jwks: str | None = None
    tanzhang_jwt_issuer: str = "tanzhang"
    tanzhang_jwt_audience: str = "tanzhang"
    tanzhang_host: str = "127.0.0.1"
    tanzhang_zone: str = "Asia/Shanghai"
    # Read by shared.methodology itself, so that the rules of all processes agree.
    tanzhang_gwp_set: Literal["SAR", "AR4", "AR5", "AR6"] = "AR5"
    tanzhang_ipcc_edition: Literal["2019", "2006"] = "2019"
    tanzhang_accept_cluster: str | None = None
    tanzhang_check_log_end: bool = True
    tanzhang_batch_rows: Count = 2000
    tanzhang_rate_per_client: Limit = 0
    tanzhang_parked_per_source: Limit = 100_000
    tanzhang_failures_in_a_row: Limit = 20
    tanzhang_industrial_url: str = "http://127.0.0.1:8102"
    tanzhang_agri_url: str = "http://127.0.0.1:8103"
    tanzhang_personal_url: str = "http://127.0.0.1:8104"
    tanzhang_grading_url: str = "http://127.0.0.1:8105"
    tanzhang_points_url: str = "http://127.0.0.1:8106"
    tanzhang_service_token: str | None = None
    # What energy costs, as "electricity.peak=1.2,diesel=7900" (yuan): see services/industrial.
    tanzhang_tariffs: str = ""
    # The city's farms by type, as "planting=900,breeding=650": see services/agri.
    tanzhang_farm_totals: str = ""
    tanzhang_erasure_key: str | None = None
    # What webhooks' secrets are kept with; keys by commas, the first for new ones.
    tanzhang_webhook_key: str | None = None
    # Networks that webhooks may go to although they are not public, as "10.1.0.0/16".
    tanzhang_webhook_allow: str = ""
    tanzhang_log_level: Literal["debug", "info", "warning", "error"] = "info"

    def database(self, service: str) -> str:
        """The PostgreSQL URL of a domain service."""
        url: str | None = getattr(self, f"{service}_database_url") or self.database_url
        if url is None:
            name = f"{service.upper()}_DATABASE_URL (or DATABASE_URL)"
            raise SettingsError(f"{name} is not set: expected {DATABASE_FORM}")
        return url

    def topic(self, name: str) -> str:
        """The topic's name in Kafka: the prefix and the name."""
        return self.tanzhang_topic_prefix + name


# Read from the environment where they count, without us: a file would be overlooked there.
NEVER_BY_FILE = ("TANZHANG_GWP_SET", "TANZHANG_IPCC_EDITION")


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings; raises SettingsError that names the variable."""
    known = with_files(environment)
    given = {n: value for n in Settings.__struct_fields__ if (value := known.get(n.upper()))}
    try:
        settings = msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$.")
        raise SettingsError(f"{path.rstrip('`').upper()}: {reason}") from error
    for name in given:
        if name.endswith("database_url"):
            _check_database(name.upper(), getattr(settings, name))
    _check_brokers(settings.kafka_bootstrap_servers)
    _check_zone(settings.tanzhang_zone)
    return settings


def _check_database(name: str, url: str) -> None:
    """What asyncpg cannot read is refused; the address may hold a password, so it is not shown."""
    try:
        urlsplit(url)  # which asyncpg begins with
        taken = _DATABASE.fullmatch(url)
    except ValueError:
        taken = None
    if not taken:
        raise SettingsError(
            f"{name} is no address of PostgreSQL: expected {DATABASE_FORM}, "
            "special characters of the password as %40 for @"
        ) from None


def _check_brokers(servers: str) -> None:
    if not _BROKERS.fullmatch(servers):
        raise SettingsError(f"KAFKA_BOOTSTRAP_SERVERS: expected {BROKERS_FORM}, not {servers!r}")


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise SettingsError(
            f"TANZHANG_ZONE: expected a time zone such as Asia/Shanghai, not {name!r}"
        ) from None


def with_files(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables, with what is in the file as NAME instead of each setting's NAME_FILE.

    A trailing newline is cut. SettingsError names the variable whose file cannot be read, holds
    nothing, or that is given twice.
    """
    found = dict(environment)
    for name in map(str.upper, Settings.__struct_fields__):
        path = found.pop(f"{name}_FILE", None)
        if path:
            found[name] = _content(name, path, found.get(name))
    return found


def _content(name: str, path: str, given: str | None) -> str:
    variable = f"{name}_FILE"
    if given:
        raise SettingsError(f"{name} and {variable} are both set: expected one of them")
    if name in NEVER_BY_FILE:
        raise SettingsError(f"{variable}: cannot be given by a file, set {name}")
    try:
        text = Path(path).read_text("utf-8")
    except OSError as error:
        raise SettingsError(f"{variable}: cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"{variable}: {path} is not UTF-8 text") from error
    value = text.removesuffix("\n").removesuffix("\r")
    if not value.strip():
        raise SettingsError(f"{variable}: {path} is empty, expected the value of {name}")
    return value
