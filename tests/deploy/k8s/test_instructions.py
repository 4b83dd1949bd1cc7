"""What the README has an operator type, against what an API server takes of it."""

from pathlib import Path

import pytest

from tests.deploy.docs import pages, reading
from tests.deploy.k8s.objects import names, of_kind

README = Path(__file__).parents[3] / "deploy" / "k8s" / "README.md"
APPLIED = [
    list(reading.commands(block.text))
    for block in pages.blocks(README)
    if "apply --server-side -k deploy/k8s/overlays/" in block.text
    and "overlays/local" not in block.text
]


def before_apply(told: list[list[str]]) -> list[list[str]]:
    return told[: next(n for n, words in enumerate(told) if "apply" in words)]


@pytest.mark.parametrize("told", APPLIED, ids=["upgrade", "restore", "partitions"])
def test_what_cannot_be_changed_is_deleted_before_it_is_applied(told: list[list[str]]) -> None:
    deleted = [words for words in before_apply(told) if {"delete", "job", "migrate"} <= {*words}]
    assert len(deleted) == 1


@pytest.mark.parametrize("told", APPLIED, ids=["upgrade", "restore", "partitions"])
def test_what_is_scaled_by_hand_is_not_applied_with_another_number(
    production: list[dict], told: list[list[str]]
) -> None:
    """An API server refuses that: `scale` has become the owner of the field."""
    counted = [o for o in of_kind(production, "Deployment") if "replicas" in o["spec"]]
    scaled = {word for words in before_apply(told) if "scale" in words for word in words}
    assert not scaled & names(counted, "Deployment")
