"""What documents show is what is answered."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import get_args

from services.grading.api.views import Dimensions, ReasonText
from services.grading.domain import industrial
from services.grading.domain.benchmarks import Benchmark
from services.grading.domain.industrial import Surroundings
from services.grading.domain.rulebook import Rulebook
from shared.events.types import IndustrialAccount
from shared.units.calendar import CITY


def test_the_examples_of_a_label_are_those_of_the_golden_enterprise(
    rules: Rulebook, benchmark: Benchmark, enterprise: Callable[..., IndustrialAccount]
) -> None:
    now = datetime(2021, 6, 15, tzinfo=UTC)
    found = industrial.grade(enterprise(), Surroundings(benchmark), rules, now, CITY)
    for shown, answered in ((Dimensions, found.dimensions), (ReasonText, found.reason)):
        [told] = get_args(shown)[1].examples
        assert told == answered
