"""Every alert fires when it should, says what to do, and is described."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from shared.http.app import READY_SECONDS_MAX
from tests.deploy.seeing import boards
from tests.deploy.seeing.prometheus import FOLDER, ROOT, promtool

ALERTS = boards.alerts()
NAMES = [alert["alert"] for alert in ALERTS]
UNIT_TESTS = ("alerts_test.yaml", "alerts_days_test.yaml")


def test_the_configuration_and_the_rules_are_right() -> None:
    assert f"{len(NAMES) + len(boards.records())} rules found" in promtool(
        "check", "config", "prometheus.yml"
    )


@pytest.mark.parametrize("page", ["deploy/prometheus/prometheus.yml", "docs/operating.md"])
def test_who_is_told_is_named_by_the_file_that_the_pages_say(tmp_path: Path, page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    [told] = re.findall(r'\[?\{"targets": .+\}\]?', text)
    for name in ("prometheus.yml", "alerts.yaml"):
        shutil.copy(FOLDER / name, tmp_path)
    (tmp_path / "alertmanagers").mkdir()
    (tmp_path / "alertmanagers" / "ours.yaml").write_text(told, encoding="utf-8")

    assert "SUCCESS" in promtool("check", "config", "prometheus.yml", folder=tmp_path)


def test_a_process_whose_database_hangs_says_so_before_the_scrape_is_given_up() -> None:
    whole = yaml.safe_load((FOLDER / "prometheus.yml").read_text())

    assert float(whole["global"]["scrape_timeout"].removesuffix("s")) >= READY_SECONDS_MAX + 1


@pytest.mark.parametrize("file", UNIT_TESTS)
def test_every_alert_fires_when_it_should_and_only_then(file: str) -> None:
    assert "SUCCESS" in promtool("test", "rules", file)


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_is_seen_to_fire_and_to_be_quiet(name: str) -> None:
    seen = set()
    for file in UNIT_TESTS:
        for group in yaml.safe_load((FOLDER / file).read_text())["tests"]:
            for check in group["promql_expr_test"]:
                if f'"{name}"' in check["expr"]:
                    seen.add(bool(check["exp_samples"]))

    assert seen == {True, False}


@pytest.mark.parametrize("alert", ALERTS, ids=NAMES)
def test_an_alert_says_what_to_do_and_where_it_is_written(alert: dict) -> None:
    says = alert["annotations"]

    assert alert["labels"]["severity"] in ("critical", "warning")
    assert says["summary"]
    assert says["description"].endswith(".")
    path, _, anchor = says["runbook_url"].partition("#")
    assert anchor == alert["alert"].lower()
    headings = re.findall(r"^#+ (.+)$", (ROOT / path).read_text(), re.MULTILINE)
    assert alert["alert"] in headings
