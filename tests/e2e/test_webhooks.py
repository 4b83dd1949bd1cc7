"""A finance platform without Kafka: label changes and point credits posted to its url, signed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from tests.e2e.city import City, visiting
from tests.e2e.events import Author
from tests.e2e.platform import Platform, listening
from tests.e2e.up import Up

CREDITED = "cn.tanzhang.points.credited.v1"
LABEL = "cn.tanzhang.label.changed.v1"


@pytest.fixture(scope="module")
def up(stack_directory: Path) -> Iterator[Up]:
    found = Up(stack_directory / "webhooks", options=("--webhooks",))
    found.start()
    yield found
    try:
        assert found.interrupt() == 0, found.said()
    finally:
        found.kill()


@pytest.fixture
async def webhook_city(up: Up) -> AsyncIterator[City]:
    async with visiting(up) as found:
        yield found


@pytest.fixture
def platform() -> Iterator[Platform]:
    with listening() as found:
        yield found


async def _subscribe(city: City, service: str, platform: Platform, **wish: Any) -> Webhook:
    bearer = {"authorization": f"Bearer {city.whole}"}
    url = f"{city.state.url(service)}/v1/subscriptions"
    answer = await city.http.post(url, json={"url": platform.url} | wish, headers=bearer)
    assert answer.status_code == 201, answer.text
    return Webhook(answer.json()["secret"])


async def _came(platform: Platform, number: int) -> list[Any]:
    async with asyncio.timeout(60):
        while len(platform.requests) < number:
            await asyncio.sleep(0.05)
    return platform.requests[:number]


async def test_point_credits_come_signed_and_in_order(
    webhook_city: City, author: Author, platform: Platform
) -> None:
    person = author.person()
    webhook = await _subscribe(
        webhook_city, "points", platform, types=[CREDITED], subjects=[person]
    )
    hours = [f"2022-06-25T{hour:02}:00:00+08:00" for hour in range(5)]
    for time in hours:
        await webhook_city.send(author.payment({"subject": person, "time": time}))
    events = [webhook.verify(body, headers) for headers, body in await _came(platform, 5)]
    assert [event["data"]["sequence"] for event in events] == [1, 2, 3, 4, 5]
    assert events[-1]["data"]["balance"] == "115.480"
    assert {event["subject"] for event in events} == {person}


async def test_label_changes_come_signed(
    webhook_city: City, author: Author, platform: Platform
) -> None:
    webhook = await _subscribe(
        webhook_city, "grading", platform, types=[LABEL], subjects=[author.enterprise]
    )
    await webhook_city.register_enterprise(author)
    await webhook_city.send(author.activity(quantity="2"))
    [(headers, body)] = await _came(platform, 1)
    event = webhook.verify(body, headers)
    assert event["subject"] == f"industrial:{author.enterprise}"
    assert event["data"]["label"] == "ungraded"
