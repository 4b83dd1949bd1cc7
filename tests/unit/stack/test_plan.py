import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.settings import DOMAIN_SERVICES, SERVICES
from tanzhang.stack import StackError, directory, plan, probes
from tanzhang.stack.directory import StackState


def _options(**environment: str) -> plan.Options:
    return plan.Options(environment=environment)


def _state(**changes: object) -> StackState:
    fields: dict[str, object] = {
        "pid": 1,
        "started_at": datetime(2026, 1, 1, tzinfo=UTC),
        "cluster_id": "c",
        "ports": {"ingest": 8101},
        "environment": {
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1234",
            "DATABASE_URL": "postgresql://stack",
        },
        "ready": True,
        **changes,
    }
    return StackState(**fields)  # type: ignore[arg-type]


def test_everything_is_embedded_unless_the_environment_points_elsewhere() -> None:
    assert _options().needs_broker()
    assert _options().services_without_database() == list(DOMAIN_SERVICES)
    assert not _options(KAFKA_BOOTSTRAP_SERVERS="kafka:9092").needs_broker()
    assert _options(DATABASE_URL="postgresql://db/city").services_without_database() == []
    one = _options(PERSONAL_DATABASE_URL="postgresql://db/personal").services_without_database()
    assert one == [service for service in DOMAIN_SERVICES if service != "personal"]


def test_an_empty_variable_is_not_set() -> None:
    assert _options(KAFKA_BOOTSTRAP_SERVERS="").needs_broker()


def test_ports_follow_from_the_base() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match=rf"{port}.* --base-port 0"):
            plan.choose_ports(port - 3)
    free = plan.choose_ports(0)
    assert tuple(free) == SERVICES
    assert len(set(free.values())) == len(SERVICES)
    assert tuple(plan.choose_ports(0, webhooks=True)) == (*SERVICES, *plan.WEBHOOKS)


def test_own_keys_and_own_servers_are_left_to_the_caller(tmp_path: Path) -> None:
    options = _options(
        TANZHANG_JWKS="https://keys.example", TANZHANG_ERASURE_KEY="k", TANZHANG_WEBHOOK_KEY="w"
    )
    made = plan.environment(options, tmp_path, dict.fromkeys(SERVICES, 1), None, None)
    urls = {f"TANZHANG_{service.upper()}_URL" for service in DOMAIN_SERVICES}
    deciding = {"TANZHANG_ZONE", "TANZHANG_GWP_SET", "TANZHANG_IPCC_EDITION"}
    assert set(made) - urls == deciding | {"TANZHANG_WEBHOOK_ALLOW"}
    assert list(tmp_path.iterdir()) == []


def test_what_decides_amounts_is_kept_as_the_services_were_given_it(tmp_path: Path) -> None:
    ports = dict.fromkeys(SERVICES, 1)
    made = plan.environment(_options(TANZHANG_GWP_SET="AR6"), tmp_path, ports, None, None)
    assert (made["TANZHANG_GWP_SET"], made["TANZHANG_ZONE"]) == ("AR6", "Asia/Shanghai")


def test_keys_and_secrets_stay_the_same(tmp_path: Path) -> None:
    ports = dict.fromkeys(SERVICES, 1)
    first = plan.environment(_options(), tmp_path, ports, None, None)
    key_set = Path(first["TANZHANG_JWKS"]).read_text()
    second = plan.environment(_options(), tmp_path, ports, None, None)
    assert second["TANZHANG_ERASURE_KEY"] == first["TANZHANG_ERASURE_KEY"]
    assert Path(second["TANZHANG_JWKS"]).read_text() == key_set
    assert (tmp_path / "erasure.key").stat().st_mode & 0o777 == 0o600


def test_the_state_is_found_only_while_the_stack_runs(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="no stack runs in"):
        directory.find(tmp_path)
    with directory.hold(tmp_path):
        directory.save(tmp_path, _state())
        assert directory.find(tmp_path) == _state()
        directory.save(tmp_path, _state(ready=False))
        with pytest.raises(StackError, match="still starting"):
            directory.find(tmp_path)
    with pytest.raises(StackError, match="no stack runs in"):
        directory.find(tmp_path)
    assert (tmp_path / "stack.json").stat().st_mode & 0o777 == 0o600


def test_a_command_takes_the_running_stack_before_the_environment(tmp_path: Path) -> None:
    given = {"DATABASE_URL": "postgresql://environment", "TANZHANG_TOPIC_PREFIX": "city-"}
    with directory.hold(tmp_path):
        directory.save(tmp_path, _state())
        settings, state = directory.settings_of(tmp_path, given)
    assert (settings.database_url, settings.tanzhang_topic_prefix) == (
        "postgresql://stack",
        "city-",
    )
    assert state == _state()

    settings, state = directory.settings_of(tmp_path, given)
    assert (settings.database_url, state) == ("postgresql://environment", None)
    with pytest.raises(StackError, match="no stack runs in"):
        directory.settings_of(tmp_path, {})


def test_the_idle_gauge_is_read_as_prometheus_writes_it() -> None:
    text = "# TYPE tanzhang_idle gauge\n" + 'tanzhang_idle{service="agri"} 1.0\nother 3.0\n'
    assert probes.IDLE.findall(text) == ["1.0"]
    assert probes.IDLE.findall("tanzhang_idle_seconds 4.0\n") == []
