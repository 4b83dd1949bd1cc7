"""A real Prometheus over a running city: every panel and every alert has something to look at."""

import asyncio
import math
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tanzhang.stack import directory
from tanzhang.stack.ports import free_port
from tests.deploy.seeing import boards, load, prometheus
from tests.deploy.seeing.prometheus import Server
from tests.e2e.up import Up

# As they are called in prometheus.yml.
TARGETS = {
    "ingest": 8101,
    "industrial": 8102,
    "agri": 8103,
    "personal": 8104,
    "grading": 8105,
    "points": 8106,
    "grading-webhooks": 8105,
    "points-webhooks": 8106,
}
VARIABLES = {
    "$__rate_interval": "1m",
    "$service": ".*",
    "$year": "2020",
}
QUERIES = list(boards.queries())
ALERTS = boards.alerts()
# What a comparison leaves is what fires; without it, what is compared is seen.
SCENARIOS_ADD_UP = """abs(sum(max by (scenario) (tanzhang_personal_tonnes))
- max(tanzhang_city_tonnes{kind="personal"})) < bool 1e-9"""
COMPARED = re.compile(r"(==|>|<)\s*[\d.]+")


class Watched(NamedTuple):
    """A running city, who audits it, and Prometheus over all of it."""

    up: Up
    auditor: str
    server: Server


@pytest.fixture(scope="module")
def watched(stack_directory: Path) -> Iterator[Watched]:
    folder = stack_directory / "seeing"
    folder.mkdir()
    up = Up(stack_directory / "seen", options=())
    try:
        state = up.start()
        with load.auditing(up, folder) as auditor:
            addresses = {f"{s}:{n}": _address(state, s) for s, n in TARGETS.items()}
            addresses["auditor:8107"] = auditor
            with prometheus.running(folder, addresses, free_port()) as server:
                server.wait_for('count(up{job="tanzhang"} == 1) == 9')
                load.simulate(up)
                asyncio.run(load.send_wrong_events(up))
                # The city is measured once a minute.
                server.wait_for('tanzhang_industry_tonnes{year="2020"} > 0', 90)
                server.wait_for("max(tanzhang_points_issued) > 0 and max(tanzhang_city_tonnes) > 0")
                server.wait_for("sum(tanzhang_dead_letters_open) > 0", 90)
                yield Watched(up, auditor, server)
    finally:
        up.kill()


def _address(state: directory.StackState, service: str) -> str:
    return state.url(service).removeprefix("http://")


def _filled(expr: str) -> str:
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    return expr


@pytest.mark.parametrize("query", QUERIES, ids=[query.where for query in QUERIES])
def test_a_panel_shows_something(watched: Watched, query: boards.Query) -> None:
    found = watched.server.query(_filled(query.expr))

    assert found, query.expr
    assert not any(math.isnan(float(sample["value"][1])) for sample in found), found


@pytest.mark.parametrize("alert", ALERTS, ids=[alert["alert"] for alert in ALERTS])
def test_an_alert_has_something_to_compare(watched: Watched, alert: dict) -> None:
    expr = re.sub(r" offset \w+| unless .*", "", alert["expr"]).replace("absent(", "(")

    assert watched.server.query(COMPARED.sub(">= -Inf", expr)), expr


def test_every_rule_is_evaluated_without_an_error(watched: Watched) -> None:
    groups = watched.server.get("/api/v1/rules")["groups"]
    health = {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}

    names = [alert["alert"] for alert in ALERTS] + [rule["record"] for rule in boards.records()]
    assert health == dict.fromkeys(names, "ok")


def test_a_city_at_work_wakes_nobody_for_more_than_was_done_to_it(watched: Watched) -> None:
    firing = watched.server.query('ALERTS{alertstate="firing"}')

    assert {s["metric"]["alertname"] for s in firing} <= {"TanzhangDeadLetters"}


@pytest.mark.parametrize(
    ("expr", "value"),
    [
        ('sum(tanzhang_events_in_total{outcome="rejected"})', 1),
        ("sum(tanzhang_dead_letters_open)", 1),
        ('tanzhang_parked_events{service="industrial"}', 1),
        ('tanzhang_parked_ratio{service="industrial"} * 100000', 1),
        (
            'round((tanzhang_parked_until_timestamp_seconds{service="industrial"} - time())/ 86400)',
            90,
        ),
        ('tanzhang_parked_until_timestamp_seconds{service="agri"}', math.inf),
        ("max(tanzhang_outbox_age_seconds) < bool 5", 1),
        ("sum(tanzhang_audit_wrong)", 0),
        ("count(tanzhang_audit_wrong)", 8),
        ('sum(tanzhang_http_seconds_count{service="ingest", status="4xx"})', 1),
        (SCENARIOS_ADD_UP, 1),
        ('count(up{job="tanzhang"} == 0 or tanzhang_ready == 0) or 0 * count(up)', 0),
        ('count(tanzhang_ready{job="tanzhang"})', 9),
        # Of one process each, and none of the others.
        ("count(tanzhang_points_issued)", 1),
        ("count(tanzhang_reviews_open)", 1),
    ],
)
def test_a_figure_is_the_true_one(watched: Watched, expr: str, value: float) -> None:
    [sample] = watched.server.query(expr)

    assert float(sample["value"][1]) == pytest.approx(value)


def test_sectors_and_categories_are_those_of_the_region(watched: Watched) -> None:
    region = asyncio.run(load.region(watched.up, 2020))
    [sectors] = watched.server.query(
        'sum(max by (sector) (tanzhang_industry_sector_tonnes{year="2020"}))'
    )
    [energy] = watched.server.query('max(tanzhang_industry_tonnes{year="2020",category="energy"})')

    [registered] = watched.server.query(
        'max(tanzhang_industry_enterprises{year="2020", coverage="registered"})'
    )

    assert float(registered["value"][1]) == region["enterprises"]
    assert float(sectors["value"][1]) == pytest.approx(float(region["total_t"]))
    assert float(energy["value"][1]) == pytest.approx(float(region["energy_t"]))


def test_the_auditor_answers_probes_and_goes_on(watched: Watched) -> None:
    assert load.probe(watched.auditor, "/livez") == 200
    assert load.probe(watched.auditor, "/readyz") == 200
    now = time.time()
    watched.server.wait_for(f"max(tanzhang_audit_timestamp_seconds) > {now}")


def test_a_ledger_that_does_not_balance_wakes_a_person(watched: Watched) -> None:
    """The last of this file: for a moment, a figure is wrong."""
    asyncio.run(load.add_to_a_balance(watched.up, 1))
    try:
        watched.server.wait_for(
            'ALERTS{alertname="TanzhangAuditWrong", alertstate="firing", check="personal: ledger"}'
        )
        [audit] = [q for q in QUERIES if q.where == "pipeline: Audit 核对 A"]
        watched.server.wait_for(f"({audit.expr}) > 0")
    finally:
        asyncio.run(load.add_to_a_balance(watched.up, -1))
    watched.server.wait_for("sum(tanzhang_audit_wrong) == 0")
