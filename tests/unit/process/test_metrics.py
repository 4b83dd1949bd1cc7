"""The metrics table is whole, and its names follow Prometheus's rules."""

import re
from pathlib import Path

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
        "status",
        "check",
        "year",
        "category",
        "sector",
        "coverage",
        "pathway",
        "scenario",
        "tier",
        "state",
    }

    for _, _, labels, _ in metrics.table():
        assert set(labels.split(", ")) - {""} <= small


def test_a_worker_begins_with_zeros_to_count_from() -> None:
    metrics.begin("beginning")

    value = prometheus_client.REGISTRY.get_sample_value
    own = {"service": "beginning"}
    assert value("tanzhang_events_posted_total", own) == 0
    assert value("tanzhang_batch_rows_count", own) == 0
    assert value("tanzhang_dead_letters_total", own | {"reason": "unexpected"}) == 0


def test_the_table_in_the_documentation_is_this_one() -> None:
    committed = Path(__file__).parents[3] / "docs" / "metrics.md"

    assert committed.read_text() == metrics.document()
