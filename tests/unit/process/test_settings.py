"""Settings from the environment and from files that it names."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.settings import Settings, SettingsError, from_environment, with_files


def file(directory: Path, content: bytes) -> str:
    path = directory / "secret"
    path.write_bytes(content)
    return str(path)


def refused(environment: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        from_environment(environment)
    return str(caught.value)


@pytest.mark.parametrize("name", Settings.__struct_fields__)
def test_every_setting_says_how_it_is_given_by_a_file(tmp_path: Path, name: str) -> None:
    variable = f"{name.upper()}_FILE"
    assert refused({variable: str(tmp_path / "none")}).startswith(f"{variable}: ")


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_setting_may_come_from_a_file(tmp_path: Path, end: bytes) -> None:
    path = file(tmp_path, b" correct horse " + end)
    assert from_environment({"KAFKA_SASL_PASSWORD_FILE": path}).kafka_sasl_password == (
        " correct horse "
    )


def test_only_one_newline_is_cut(tmp_path: Path) -> None:
    path = file(tmp_path, b"two\n\n")
    assert with_files({"KAFKA_SASL_PASSWORD_FILE": path}) == {"KAFKA_SASL_PASSWORD": "two\n"}


def test_a_number_from_a_file_is_a_number(tmp_path: Path) -> None:
    path = file(tmp_path, b"3\n")
    assert from_environment({"TANZHANG_PARTITIONS_FILE": path}).tanzhang_partitions == 3


def test_a_wrong_value_from_a_file_names_the_setting(tmp_path: Path) -> None:
    path = file(tmp_path, b"many\n")
    assert refused({"TANZHANG_PARTITIONS_FILE": path}).startswith("TANZHANG_PARTITIONS: ")


def test_both_ways_at_once_are_refused(tmp_path: Path) -> None:
    given = {"DATABASE_URL": "postgresql://a", "DATABASE_URL_FILE": file(tmp_path, b"b")}
    assert refused(given) == (
        "DATABASE_URL and DATABASE_URL_FILE are both set: expected one of them"
    )


@pytest.mark.parametrize(("value", "path"), [("postgresql://a", ""), ("", None)])
def test_an_empty_variable_is_not_given(tmp_path: Path, value: str, path: str | None) -> None:
    name = file(tmp_path, b"postgresql://a") if path is None else path
    given = {"DATABASE_URL": value, "DATABASE_URL_FILE": name}
    assert from_environment(given).database_url == "postgresql://a"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none"
    assert refused({"DATABASE_URL_FILE": str(path)}) == (
        f"DATABASE_URL_FILE: cannot read {path}: No such file or directory"
    )


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    assert refused({"DATABASE_URL_FILE": str(tmp_path)}) == (
        f"DATABASE_URL_FILE: cannot read {tmp_path}: Is a directory"
    )


@pytest.mark.parametrize("content", [b"", b"\n", b" \n\n"])
def test_an_empty_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = file(tmp_path, content)
    assert refused({"DATABASE_URL_FILE": path}) == (
        f"DATABASE_URL_FILE: {path} is empty, expected the value of DATABASE_URL"
    )


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = file(tmp_path, b"\xff\xfe")
    assert refused({"DATABASE_URL_FILE": path}) == f"DATABASE_URL_FILE: {path} is not UTF-8 text"


@pytest.mark.parametrize("name", ["TANZHANG_GWP_SET", "TANZHANG_IPCC_EDITION"])
def test_what_the_rules_read_themselves_is_not_taken_from_files(tmp_path: Path, name: str) -> None:
    path = file(tmp_path, b"AR5")
    assert refused({f"{name}_FILE": path}) == f"{name}_FILE: cannot be given by a file, set {name}"


@given(st.dictionaries(st.text(), st.text()))
def test_other_variables_are_left_as_they_are(environment: dict[str, str]) -> None:
    assert with_files(environment | {"OTHER_FILE": "x"}) == environment | {"OTHER_FILE": "x"}


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@db:5432/city",
        "postgres://db/city?sslmode=verify-full&sslrootcert=/ca.crt",
        "postgresql:///city?host=/run/postgresql",
        "postgresql://u@[::1]:5432,second:5433/city",
        "postgresql://u:a%40b@10.0.0.1",
        "postgresql://u:a:b%@10.0.0.1:65535",
    ],
)
def test_an_address_of_a_database_is_taken(url: str) -> None:
    assert from_environment({"DATABASE_URL": url}).database("points") == url


@pytest.mark.parametrize(
    "url",
    [
        "db:5432/city",
        "mysql://db/city",
        "postgresql:/db",
        "postgresql://u:secret@db:port/city",
        "postgresql://u:secret@db:65536/city",
        "postgresql://u:secret@db,/city",
        "postgresql://u:sec[ret@db/city",
        "postgresql://u:sec@ret@db/city",
        "postgresql://u:sec/ret@db/city",
        "postgresql://u:sec\uff1aret@db/city",
        "postgresql://u:secret@[db]/city",
    ],
)
def test_what_is_no_address_of_a_database_is_named_and_not_shown(url: str) -> None:
    assert refused({"POINTS_DATABASE_URL": url}) == (
        "POINTS_DATABASE_URL is no address of PostgreSQL: "
        "expected postgresql://user:password@host:port/database, "
        "special characters of the password as %40 for @"
    )


@pytest.mark.parametrize("servers", ["k1", "k1:9092,k2:9092", "k1:9092, k2:9092", "[::1]:9092"])
def test_addresses_of_brokers_are_taken(servers: str) -> None:
    taken = from_environment({"KAFKA_BOOTSTRAP_SERVERS": servers})
    assert taken.kafka_bootstrap_servers == servers


@pytest.mark.parametrize(
    "servers", ["what:ever", "k1:", "k1:9092,", "k1:99999", "PLAINTEXT://k1:9092", "::1:9092"]
)
def test_what_is_no_address_of_brokers_is_named(servers: str) -> None:
    assert refused({"KAFKA_BOOTSTRAP_SERVERS": servers}) == (
        f"KAFKA_BOOTSTRAP_SERVERS: expected host:port, several by commas, not '{servers}'"
    )


@pytest.mark.parametrize("zone", ["Mars/X", "../UTC", "Asia"])
def test_an_unknown_zone_is_named(zone: str) -> None:
    assert refused({"TANZHANG_ZONE": zone}) == (
        f"TANZHANG_ZONE: expected a time zone such as Asia/Shanghai, not '{zone}'"
    )


@pytest.mark.parametrize(
    ("name", "value", "least"),
    [
        ("TANZHANG_PARTITIONS", "0", 1),
        ("TANZHANG_BATCH_ROWS", "0", 1),
        ("KAFKA_SESSION_TIMEOUT_MS", "0", 1),
        ("TANZHANG_RATE_PER_CLIENT", "-1", 0),
        ("TANZHANG_PARKED_PER_SOURCE", "-1", 0),
        ("TANZHANG_FAILURES_IN_A_ROW", "-1", 0),
    ],
)
def test_a_number_that_is_too_small_is_named(name: str, value: str, least: int) -> None:
    assert refused({name: value}) == f"{name}: Expected `int` >= {least}"
