"""Readings that are held, and what an operator decides of them."""

from typing import Any

from tests.integration.industrial.orders import ready


async def review(desk: Any, **query: Any) -> Any:
    [item] = (await desk.get("reviews", **query))["items"]
    return item


async def decided(desk: Any, what: str, note: str = "checked on site", **query: Any) -> Any:
    id = (await review(desk, state="open", **query))["id"]
    return await desk.http.post(f"/v1/reviews/{id}/{what}", json={"note": note})


async def limited(desk: Any) -> None:
    await ready(desk)
    await desk.register_meter("m1", rate_max="100", valid_from="2000-01-01")
