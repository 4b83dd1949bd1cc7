"""The committed dashboards and rules as the tests read them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from shared import metrics

ROOT = Path(__file__).parents[3]
DASHBOARDS = ROOT / "deploy" / "grafana" / "dashboards"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yaml"
NAME = re.compile(r"\btanzhang_[a-z0-9_]+")


class Query(NamedTuple):
    """A query of a panel; `where` names both."""

    where: str
    expr: str


def dashboards() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in sorted(DASHBOARDS.glob("*.json"))}


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    """All but the headings of rows."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def queries() -> Iterator[Query]:
    for name, board in dashboards().items():
        for panel in panels(board):
            for target in panel["targets"]:
                yield Query(f"{name}: {panel['title']} {target['refId']}", target["expr"])


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def records() -> list[dict[str, Any]]:
    """Rules that alerts are made of."""
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "record" in rule]


def used(expr: str) -> set[str]:
    """The declared metrics that PromQL names; what is not declared stays as it is."""
    return {_declared(name) for name in NAME.findall(expr)}


def _declared(name: str) -> str:
    histograms = {row[0] for row in metrics.table() if row[1] == "histogram"}
    stem, _, part = name.rpartition("_")
    return stem if part in ("bucket", "count", "sum") and stem in histograms else name
