"""What is registered before events can be posted."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from tanzhang.simulation.catalogue import CUTS, ILLUSTRATIVE, SECTORS


@dataclass(frozen=True, slots=True)
class Registration:
    """One request to a service. Records of a `stage` need all those of the stages before it."""

    service: Literal["industrial", "agri", "grading", "points"]
    path: str
    body: dict[str, Any]
    stage: int = 0
    method: Literal["PUT"] = "PUT"


def benchmarks(year: int) -> Iterator[Registration]:
    """A benchmark for every sector and product of the city."""
    for sector in SECTORS:
        yield Registration(
            "grading",
            f"/v1/benchmarks/{sector.code}/{year}?product={sector.product}",
            {
                "product": sector.product,
                "unit": f"t/{sector.unit}",
                "benchmark": str(sector.benchmark),
                "cuts": CUTS,
                "kind": "published",
                "source": ILLUSTRATIVE,
            },
        )


def rewards(year: int) -> Iterator[Registration]:
    """What points buy: every-day goods and a vegetable bed."""
    for reward_id, name, name_zh, points, stock in (
        ("shopping-bag", "Shopping bag", "环保购物袋", "200", 5000),
        ("bus-ticket", "Bus ticket", "公交乘车券", "500", 10_000),
        ("rice-5kg", "Rice, 5 kg", "大米5公斤", "3000", 800),
        ("vegetable-bed", "Vegetable bed for a season", "有机蔬菜认领", "20000", 50),
    ):
        body = {
            "name": name,
            "name_zh": name_zh,
            "points": points,
            "stock": stock,
            "per_account": 5,
            "valid_until": f"{year + 30}-12-31T23:59:59+08:00",
        }
        yield Registration("points", f"/v1/rewards/{reward_id}", body)
