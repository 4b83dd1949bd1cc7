"""docker-compose.yml as it is written: what it starts, lets in, keeps and gives away."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import typer
import yaml

from shared.settings import DOMAIN_SERVICES, SERVICES, Settings
from tanzhang.cli import app
from tanzhang.probe import USUAL_PORTS
from tanzhang.secret_files import make
from tanzhang.stack.local_keys import SERVICE_SCOPES
from tanzhang.stack.plan import DEFAULT_BASE_PORT
from tests.deploy.compose import composed
from tests.deploy.compose.composed import Refused, Service, load, ours, secrets_of, services
from tests.deploy.compose.containers import PORTS, order
from tests.deploy.k8s.test_network import QUESTIONS
from tests.unit.stack.test_secret_files import NOW

EVERY = sorted(services())
OURS = sorted(ours())
WEBHOOKS = {"grading-webhooks": "grading", "points-webhooks": "points"}
BESIDE = {"kafka", "postgres", "prometheus", "grafana"}
TOOLS = {"token", "secrets"}
VARIABLES = {name.upper() for name in Settings.__struct_fields__}
MINUTE = "1m0s"


def one(name: str) -> Service:
    return (services() | services(tools=True))[name]


def settings_of(name: str) -> dict[str, str]:
    return one(name).get("environment") or {}


# The loader is the specification's: what it takes is valid, and it does refuse.


def test_docker_compose_takes_the_file() -> None:
    assert set(services()) == {*SERVICES, *WEBHOOKS, *BESIDE, "setup", "auditor"}
    assert set(services(tools=True)) == TOOLS


@pytest.mark.parametrize(
    ("right", "wrong", "reason"),
    [
        ("read_only: true", "readonly: true", "readonly"),
        ("read_only: true", "read_only: [true]", "read_only"),
        ("{condition: service_healthy}", "{condition: service_well}", "condition"),
        ("secrets: [kafka-password]", "secrets: [kafka-passwort]", "kafka-passwort"),
        ("kafka:/var/lib/kafka/data", "kafca:/var/lib/kafka/data", "kafca"),
    ],
)
def test_docker_compose_refuses_a_broken_file(
    tmp_path: Path, right: str, wrong: str, reason: str
) -> None:
    broken = tmp_path / "docker-compose.yml"
    text = composed.FILE.read_text()
    assert right in text
    broken.write_text(text.replace(right, wrong))
    with pytest.raises(Refused, match=reason):
        load(broken)


# What it starts.


@pytest.mark.parametrize("name", [*OURS, *sorted(TOOLS)])
def test_every_command_is_one_of_the_command_line(name: str) -> None:
    service = one(name)
    words = service["entrypoint"] or ["tanzhang"]
    lines = [[*words[1:], *(service["command"] or [])]]
    if words[0] == "sh":
        lines = [line.split()[1:] for line in service["command"][0].split("&&")]
    for command, *arguments in lines:
        group = typer.main.get_group(app)
        found = group.get_command(typer.Context(group), command)
        assert found is not None, f"there is no command {command}"
        found.make_context(command, list(arguments))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_listens_where_others_look_for_it(name: str) -> None:
    port = DEFAULT_BASE_PORT + 1 + SERVICES.index(name)
    assert one(name)["command"] == ["run", name, "--role", "api" if name == "ingest" else "all"]
    assert [(p["target"], p["published"]) for p in one(name)["ports"]] == [(port, str(port))]
    assert one(name)["healthcheck"]["test"][-1] == str(port)
    assert PORTS[name] == (port,)
    assert port in USUAL_PORTS
    if name in DOMAIN_SERVICES:
        asked = {settings_of(other)[f"TANZHANG_{name.upper()}_URL"] for other in SERVICES}
        assert asked == {f"http://{name}:{port}"}


@pytest.mark.parametrize(("name", "service"), WEBHOOKS.items())
def test_webhooks_are_of_their_service(name: str, service: str) -> None:
    assert one(name)["command"] == ["run", service, "--role", "webhooks"]
    assert one(name)["healthcheck"] == one(service)["healthcheck"]
    assert PORTS[name] == PORTS[service]
    given = settings_of(service)
    assert settings_of(name) == {n: given[n] for n in given if "SERVICE_TOKEN" not in n}


@pytest.mark.parametrize("name", [*OURS, *sorted(TOOLS)])
def test_every_variable_is_a_setting(name: str) -> None:
    given = {variable.removesuffix("_FILE") for variable in settings_of(name)}
    assert given <= VARIABLES
    assert one(name)["env_file"] == [
        {"path": str(composed.ROOT / "deploy/compose/settings.env"), "required": False}
    ]


@pytest.mark.parametrize("name", [*OURS, *sorted(TOOLS)])
def test_our_image_is_never_looked_for_elsewhere(name: str) -> None:
    assert one(name)["image"] == one("setup")["image"]
    assert one(name)["pull_policy"] == "never"


def test_the_image_is_built_once() -> None:
    """Several builds of one tag at once fail on a machine that has no such image yet."""
    built = {name: one(name)["build"] for name in [*EVERY, *TOOLS] if "build" in one(name)}
    assert set(built) == {"setup"}
    assert built["setup"]["context"] == str(composed.ROOT)


@pytest.mark.parametrize("name", sorted(BESIDE))
def test_other_images_are_pinned_to_a_version(name: str) -> None:
    assert re.search(r":v?\d+\.\d+(\.\d+)?(-\w+)?$", one(name)["image"])


def test_kafka_is_the_one_that_the_tests_run() -> None:
    pom = ET.parse(composed.ROOT / "tests" / "kafka" / "pom.xml").getroot()
    versions = {d.findtext("{*}artifactId"): d.findtext("{*}version") for d in pom.iter() if len(d)}
    assert one("kafka")["image"] == f"apache/kafka:{versions['kafka_2.13']}"


# Who waits for whom.


def test_nobody_waits_in_a_circle() -> None:
    assert set(order(services())) == set(services())


def test_a_circle_is_found() -> None:
    with pytest.raises(ValueError, match="these depend on each other: a, b"):
        list(order({"a": {"depends_on": {"b": {}}}, "b": {"depends_on": {"a": {}}}}))


@pytest.mark.parametrize("name", OURS)
def test_everybody_waits_for_what_it_stands_on(name: str) -> None:
    waits = {other: how["condition"] for other, how in one(name)["depends_on"].items()}
    needed = {"kafka": "service_healthy"}
    if any(variable.endswith("DATABASE_URL_FILE") for variable in settings_of(name)):
        needed["postgres"] = "service_healthy"
    if name != "setup":
        needed["setup"] = "service_completed_successfully"
    assert waits == needed


@pytest.mark.parametrize("name", [n for n in EVERY if n != "setup"])
def test_what_runs_has_a_health_check_and_starts_again(name: str) -> None:
    health = one(name)["healthcheck"]
    assert health["test"][0] == "CMD"
    assert {"interval", "timeout", "retries", "start_period"} <= set(health)
    assert one(name)["restart"] == "unless-stopped"
    assert one(name)["stop_grace_period"] == MINUTE


# What it lets in, and gives up.


@pytest.mark.parametrize("name", [*EVERY, *sorted(TOOLS)])
def test_every_container_is_confined(name: str) -> None:
    service = one(name)
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"cpus", "memory", "pids"} <= set(service["deploy"]["resources"]["limits"])
    assert {"max-size", "max-file"} <= set(service["logging"]["options"])


def test_only_services_and_grafana_are_published_and_on_loopback_alone() -> None:
    published = {name: one(name).get("ports", []) for name in EVERY}
    assert {name for name, ports in published.items() if ports} == {*SERVICES, "grafana"}
    assert {p["host_ip"] for ports in published.values() for p in ports} == {"127.0.0.1"}


def test_an_operator_may_publish_elsewhere() -> None:
    there = load(environment={"TANZHANG_BIND": "192.0.2.1"})["services"]["ingest"]["ports"]
    assert [port["host_ip"] for port in there] == ["192.0.2.1"]


def test_servers_are_on_a_network_that_leads_nowhere() -> None:
    networks = composed.project()["networks"]
    assert networks["data"]["internal"] is True
    for name in ("kafka", "postgres", "prometheus", "setup", "auditor"):
        assert set(one(name)["networks"]) == {"data"}
    for name in TOOLS:
        assert one(name)["network_mode"] == "none"


def test_only_webhooks_reach_out() -> None:
    networks = composed.project()["networks"]
    masquerade = "com.docker.network.bridge.enable_ip_masquerade"
    assert networks["edge"]["driver_opts"][masquerade] == "false"
    outward = {name for name in EVERY if "outward" in one(name)["networks"]}
    assert outward == set(WEBHOOKS)
    assert all("edge" not in one(name)["networks"] for name in WEBHOOKS)


@pytest.mark.parametrize("name", EVERY)
def test_what_is_secret_comes_from_files(name: str) -> None:
    for variable, value in settings_of(name).items():
        if re.search(r"PASSWORD|TOKEN|SECRET|_KEY|DATABASE_URL", variable):
            assert variable.endswith("_FILE"), f"{name}: {variable}"
            assert value.removeprefix("/run/secrets/") in secrets_of(one(name))
        assert not re.search(r"://[^/]*:[^/]*@", value), f"{name}: {variable}"


def test_secrets_are_those_that_are_made_and_all_are_used(tmp_path: Path) -> None:
    make(tmp_path, "postgres:5432", Settings(), NOW)
    declared = dict(composed.secret_files())
    used = {name for service in EVERY for name in secrets_of(one(service))}
    assert set(declared) == {file.name for file in tmp_path.iterdir()}
    assert set(declared) == used | secrets_of(one("token"))
    assert {path.parent for path in declared.values()} == {
        composed.ROOT / "deploy" / "compose" / "secrets"
    }


@pytest.mark.parametrize("name", [n for n in EVERY if n not in BESIDE])
def test_a_service_has_no_secret_that_it_does_not_use(name: str) -> None:
    named = {Path(value).name for value in settings_of(name).values() if value.startswith("/run/")}
    assert secrets_of(one(name)) == named


def test_only_services_that_ask_others_hold_the_token_for_it() -> None:
    holders = {name for name in EVERY if "service-token" in secrets_of(one(name))}
    assert holders == set(QUESTIONS)


def test_the_token_may_be_one_of_another_issuer() -> None:
    there = load(environment={"TANZHANG_SERVICE_TOKEN_PATH": "/srv/token"})["secrets"]
    assert there["service-token"]["file"] == "/srv/token"
    said = (composed.ROOT / "deploy/compose/README.md").read_text()
    assert " ".join(SERVICE_SCOPES) in said


def test_the_signing_key_is_in_no_running_container() -> None:
    assert all("signing-key.pem" not in secrets_of(one(name)) for name in EVERY)


@pytest.mark.parametrize("name", DOMAIN_SERVICES)
def test_a_service_has_its_own_database_only(name: str) -> None:
    found = {value for variable, value in settings_of(name).items() if "DATABASE" in variable}
    assert found == {f"/run/secrets/{name}-database-url"}


def test_grafana_is_closed() -> None:
    said = settings_of("grafana")
    assert said["GF_AUTH_ANONYMOUS_ENABLED"] == said["GF_USERS_ALLOW_SIGN_UP"] == "false"
    assert said["GF_SECURITY_ADMIN_PASSWORD__FILE"] == "/run/secrets/grafana-password"


# What it keeps.


def test_what_must_last_is_in_volumes_of_their_own() -> None:
    volumes = [v for name in EVERY for v in one(name).get("volumes", [])]
    kept = {v["source"]: v["target"] for v in volumes if v["type"] == "volume"}
    assert kept == {
        "kafka": "/var/lib/kafka/data",
        "postgres": "/var/lib/postgresql",
        "prometheus": "/prometheus",
        "grafana": "/var/lib/grafana",
    }
    assert set(composed.project()["volumes"]) == set(kept)
    assert len(kept) == sum(v["type"] == "volume" for v in volumes)


def test_what_is_mounted_from_here_exists_and_is_read_only() -> None:
    for name in EVERY:
        for volume in one(name).get("volumes", []):
            if volume["type"] == "bind":
                assert Path(volume["source"]).exists(), volume["source"]
                assert volume["read_only"] is True


def test_kafka_keeps_its_data_in_its_volume() -> None:
    text = (composed.ROOT / "deploy/compose/kafka/server.properties").read_text()
    assert re.search(r"^log\.dirs=/var/lib/kafka/data$", text, re.MULTILINE)
    assert "/tmp:exec" in one("kafka")["tmpfs"][0]


def test_kafka_does_not_fill_its_memory_with_logs() -> None:
    """What its scripts add when nothing is said: -loggc, a gigabyte in LOG_DIR."""
    assert settings_of("kafka")["LOG_DIR"].startswith("/tmp/")
    assert settings_of("kafka")["EXTRA_ARGS"] == "-name kafkaServer"


def test_prometheus_scrapes_what_runs() -> None:
    text = (composed.ROOT / "deploy/prometheus/prometheus.yml").read_text()
    jobs = yaml.safe_load(text)["scrape_configs"]
    targets = {t for job in jobs for some in job["static_configs"] for t in some["targets"]}
    assert targets == {f"{name}:{PORTS[name][0]}" for name in (*SERVICES, *WEBHOOKS, "auditor")}


def test_grafana_finds_prometheus_and_its_dashboards() -> None:
    provisioning = composed.ROOT / "deploy/grafana/provisioning"
    mounted = {v["target"] for v in one("grafana")["volumes"]}
    for file in (provisioning / "dashboards").glob("*.yaml"):
        for provider in yaml.safe_load(file.read_text())["providers"]:
            assert provider["options"]["path"] in mounted
    sources = (provisioning / "datasources").glob("*.yaml")
    urls = {s["url"] for f in sources for s in yaml.safe_load(f.read_text())["datasources"]}
    assert urls == {"${PROMETHEUS_URL}"}
    assert settings_of("grafana")["PROMETHEUS_URL"] == "http://prometheus:9090"
