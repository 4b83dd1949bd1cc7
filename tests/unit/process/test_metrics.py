"""The metrics table is whole, and its names follow Prometheus's rules."""

import re

import prometheus_client
from prometheus_client.metrics import MetricWrapperBase

from shared import metrics


def test_every_metric_is_in_the_table() -> None:
    declared = [v for v in vars(metrics).values() if isinstance(v, MetricWrapperBase)]

    assert list(metrics.METRICS) == declared
    assert len(metrics.table()) == len(declared)


def test_the_table_says_what_is_exposed() -> None:
    exposed = prometheus_client.generate_latest().decode()

    for name, kind, _, meaning in metrics.table():
        assert f"# TYPE {name} {kind}" in exposed
        assert re.fullmatch(r"tanzhang(_[a-z0-9]+)+", name)
        assert meaning


def test_labels_are_small_sets() -> None:
    small = {
        "service",
        "topic",
        "partition",
        "type",
        "client",
        "outcome",
        "reason",
        "kind",
        "label",
    }

    for _, _, labels, _ in metrics.table():
        assert set(labels.split(", ")) - {""} <= small
