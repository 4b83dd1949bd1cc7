"""Account states to be bent by the tests, and the rules as they are shipped."""

import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.grading.domain.benchmarks import Benchmark
from services.grading.domain.rulebook import Rulebook, cuts_of, rulebook
from shared.events.types import AgriAccount, IndustrialAccount
from shared.methodology import methodology
from shared.methodology.files import DATA

NOW = datetime(2021, 6, 15, tzinfo=UTC)


@pytest.fixture(scope="session")
def rules() -> Rulebook:
    return rulebook(methodology())


@pytest.fixture(scope="session")
def benchmark(rules: Rulebook) -> Benchmark:
    return Benchmark(
        "1495",
        "xylitol",
        2020,
        "1",
        "t",
        Decimal("0.1100"),
        cuts_of(rules.industrial("1495", 2020)),
        "published",
        "a city notice",
    )


@pytest.fixture(scope="session")
def enterprise() -> Callable[..., IndustrialAccount]:
    """The golden enterprise of 2020, with changes."""

    def _enterprise(**changes: Any) -> IndustrialAccount:
        fields: dict[str, Any] = {
            "epoch": 1,
            "sequence": 1,
            "year": 2020,
            "sector": "1495",
            "district": "kaihua",
            "product": "xylitol",
            "product_unit": "t",
            "energy_t": Decimal("11659.61"),
            "process_t": Decimal("2491.14"),
            "avoided_t": Decimal("275.51"),
            "total_t": Decimal("13875.24"),
            "output": Decimal(137120),
            "value_added_1e4cny": Decimal(0),
            "months_energy": 12,
            "months_output": 12,
            "quality": {"actual": Decimal(1)},
            "factor_sets": [],
        }
        return IndustrialAccount(**(fields | changes))

    return _enterprise


@pytest.fixture(scope="session")
def farm() -> Callable[..., AgriAccount]:
    """A farm of 2020, with changes."""

    def _farm(**changes: Any) -> AgriAccount:
        fields: dict[str, Any] = {
            "epoch": 1,
            "sequence": 1,
            "year": 2020,
            "type": "planting",
            "district": "kaihua",
            "straw_t": Decimal("613.506"),
            "soil_t": Decimal("246.991"),
            "manure_t": Decimal("238.611"),
            "neutralised_t": Decimal("1099.108"),
            "gross_t": Decimal("2000"),
        }
        return AgriAccount(**(fields | changes))

    return _farm


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def editions(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Rulebook]:
    """The rules with later editions: each a list of (old, new) texts of labels.yaml."""

    def _editions(*changes: Sequence[tuple[str, str]]) -> Rulebook:
        directory = Path(shutil.copytree(DATA, tmp_path_factory.mktemp("rules") / "data"))
        shipped = (directory / "labels.yaml").read_text(encoding="utf-8")
        for number, pairs in enumerate(changes, 2):
            text = shipped.replace('version: "1"', f'version: "{number}"', 1)
            for old, new in pairs:
                assert old in text
                text = text.replace(old, new, 1)
            (directory / f"labels-{number}.yaml").write_text(text, encoding="utf-8")
        return rulebook(methodology(directory))

    return _editions
