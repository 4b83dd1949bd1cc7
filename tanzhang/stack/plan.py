"""What a stack will be: which parts are embedded, on which ports, with which settings."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from shared.settings import BASE_PORT, DOMAIN_SERVICES, SERVICES, Settings, with_files
from tanzhang.stack import StackError, local_keys
from tanzhang.stack.directory import secret
from tanzhang.stack.ports import free_port, port_is_taken

if TYPE_CHECKING:
    from tanzhang.stack.broker import Broker
    from tanzhang.stack.postgres import Postgres

DEFAULT_DIRECTORY = Path(".tanzhang")
DEFAULT_BASE_PORT = BASE_PORT
# Processes of services that deliver webhooks, and their ports above the base.
WEBHOOKS = {"grading-webhooks": 15, "points-webhooks": 16}


@dataclass(slots=True, frozen=True)
class Options:
    """`base_port` 0 takes free ports; `restart` starts a process again that has ended.

    `webhooks` False leaves out the processes that deliver them.
    """

    data_dir: Path = DEFAULT_DIRECTORY
    base_port: int = DEFAULT_BASE_PORT
    restart: bool = False
    webhooks: bool = True
    environment: Mapping[str, str] = field(default_factory=lambda: with_files(os.environ))
    postgres_settings: Mapping[str, str] = field(default_factory=dict)

    def needs_broker(self) -> bool:
        return not self.environment.get("KAFKA_BOOTSTRAP_SERVERS")

    def services_without_database(self) -> list[str]:
        """Those that neither DATABASE_URL nor a variable of their own points anywhere."""
        given = self.environment.get
        if given("DATABASE_URL"):
            return []
        return [s for s in DOMAIN_SERVICES if not given(f"{s.upper()}_DATABASE_URL")]


def choose_ports(base: int, *, webhooks: bool = False) -> dict[str, int]:
    """Ports by process: base + 1 (ingest) to base + 6 (points), or free ones for base 0."""
    above = {service: 1 + n for n, service in enumerate(SERVICES)} | (WEBHOOKS if webhooks else {})
    if base == 0:
        return {name: free_port() for name in above}
    chosen = {name: base + port for name, port in above.items()}
    taken = [str(port) for port in chosen.values() if port_is_taken(port)]
    if taken:
        raise StackError(
            f"port {', '.join(taken)} of 127.0.0.1 is in use: choose another --base-port, "
            "or --base-port 0 for any free ports"
        )
    return chosen


# What decides amounts: commands that post beside the services take it as those were given it.
DECIDING = {
    "TANZHANG_ZONE": Settings().tanzhang_zone,
    "TANZHANG_GWP_SET": Settings().tanzhang_gwp_set,
    "TANZHANG_IPCC_EDITION": Settings().tanzhang_ipcc_edition,
}


def environment(
    options: Options,
    directory: Path,
    ports: Mapping[str, int],
    postgres: "Postgres | None",
    broker: "Broker | None",
) -> dict[str, str]:
    """The variables that the services get beyond the caller's own."""
    made = {
        f"TANZHANG_{service.upper()}_URL": f"http://127.0.0.1:{ports[service]}"
        for service in DOMAIN_SERVICES
    }
    given = options.environment
    made |= {name: given.get(name) or usual for name, usual in DECIDING.items()}
    if broker is not None:
        made |= {
            "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap,
            "KAFKA_IDEMPOTENCE": "false",
            # The embedded broker lets a group wait for half of this before it starts.
            "KAFKA_SESSION_TIMEOUT_MS": "6000",
            "TANZHANG_ACCEPT_CLUSTER": broker.cluster_id,
            "TANZHANG_CHECK_LOG_END": "false",
            "TANZHANG_REPLICATION": "1",
        }
    if postgres is not None:
        made |= {
            f"{service.upper()}_DATABASE_URL": postgres.url(service)
            for service in options.services_without_database()
        }
    for name in ("ERASURE", "WEBHOOK"):
        if not given.get(f"TANZHANG_{name}_KEY"):
            made[f"TANZHANG_{name}_KEY"] = secret(directory, f"{name.lower()}.key")
    made["TANZHANG_WEBHOOK_ALLOW"] = given.get("TANZHANG_WEBHOOK_ALLOW") or "127.0.0.0/8,::1/128"
    return made | local_keys.environment(directory, options.environment)
