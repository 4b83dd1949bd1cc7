"""Both overlays as kustomize builds them; every test has its own copy."""

import pytest

from tests.deploy.k8s.kustomize import objects_of

OVERLAYS = ("local", "production")


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def objects(overlay: str) -> list[dict]:
    """Of each overlay in turn."""
    return objects_of(overlay)


@pytest.fixture
def production() -> list[dict]:
    return objects_of("production")


@pytest.fixture
def local() -> list[dict]:
    return objects_of("local")
