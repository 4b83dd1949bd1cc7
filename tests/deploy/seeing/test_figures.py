"""What a panel shows of given series, worked out by Prometheus itself."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.deploy.seeing import boards
from tests.deploy.seeing.prometheus import promtool

QUERIES = {query.where: query.expr for query in boards.queries()}
# Members have 900, others owe 100 that were taken back after they had been spent, 400 were redeemed:
# 900 - 100 + 400 were issued, as services/points/city.py sums it.
OWED = {
    'tanzhang_points_issued{service="points"}': 1200,
    'tanzhang_points_redeemed{service="points"}': 400,
    'tanzhang_points_owed{service="points"}': 100,
}
SHOWN = [
    ("points: Points issued 已发积分 A", OWED, 1200),
    ("points: Points held 结余积分 A", OWED, 900),
]


@pytest.mark.parametrize(("panel", "series", "value"), SHOWN)
def test_a_panel_shows_what_its_title_says(
    tmp_path: Path, panel: str, series: Mapping[str, float], value: float
) -> None:
    """Grafana's variables have no place here: these panels have none."""
    shown = [{"labels": "{}", "value": value}]
    check = {"expr": QUERIES[panel], "eval_time": "1m", "exp_samples": shown}
    given = [{"series": name, "values": f"{each}x5"} for name, each in series.items()]
    test = {"interval": "1m", "input_series": given, "promql_expr_test": [check]}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump({"tests": [test]}), encoding="utf-8")
    promtool("test", "rules", "test.yaml", folder=tmp_path)
