"""What others bring: the CloudEvents SDK as sender and reader, a plain Kafka client as a bank's."""

import asyncio
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event
from cloudevents.core.v1.event import CloudEvent

from tests.e2e.city import City
from tests.e2e.events import Author

ROOT = Path(__file__).parents[2]
LABEL = "cn.tanzhang.label.changed.v1"


def _sdk_event(event: dict[str, Any]) -> CloudEvent:
    attributes = {name: value for name, value in event.items() if name != "data"}
    attributes["time"] = datetime.fromisoformat(attributes["time"])
    attributes["datacontenttype"] = "application/json"
    return CloudEvent(attributes, event["data"])


@pytest.mark.parametrize("binding", [to_structured_event, to_binary_event])
async def test_the_sdk_sends_events_to_the_door(city: City, author: Author, binding: Any) -> None:
    message = binding(_sdk_event(author.payment()))
    answer = await city.post(message.body, media=None, headers=dict(message.headers))
    assert answer.status_code == 202, answer.text
    await city.shows(lambda: city.personal(author.person()), reduction_g="23.096")


async def test_the_sdk_reads_what_the_topics_carry(city: City, author: Author) -> None:
    await city.send(author.payment())
    [record] = await city.records("point-credits", author.person(), lambda found: len(found) == 1)
    headers = dict(record.headers)
    event = from_kafka_event(KafkaMessage(headers, record.key, record.value))
    assert event.get_type() == "cn.tanzhang.points.credited.v1"
    assert event.get_subject() == author.person()
    data = event.get_data()
    assert isinstance(data, dict)
    assert data["points"] == "23.096"
    assert event.get_time() == datetime.fromisoformat("2022-06-23T08:41:00+08:00")


async def test_a_bank_follows_labels_with_a_plain_kafka_client(city: City, author: Author) -> None:
    await city.register_enterprise(author)
    await city.send(author.activity(quantity="2"))
    await city.records("label-changes", f"industrial:{author.enterprise}", bool)
    topic = city.settings.topic("label-changes")
    command = [
        *(sys.executable, str(ROOT / "docs/examples/follow_labels.py")),
        *("--bootstrap", city.settings.kafka_bootstrap_servers, "--topic", topic),
        *("--account", f"industrial:{author.enterprise}", "--seconds", "60", "--count", "1"),
    ]
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, check=False, env={**os.environ}
    )
    assert done.returncode == 0, done.stderr
    found = msgspec.json.decode(done.stdout)
    assert (found["account"], found["label"]) == (f"industrial:{author.enterprise}", "ungraded")


async def test_the_sdks_batch_is_a_list_of_structured_events(city: City, author: Author) -> None:
    """The SDK has no batch mode of its own: the structured form of each, in an array."""
    events = [to_structured_event(_sdk_event(author.payment())).body for _ in range(3)]
    answer: httpx.Response = await city.post(b"[" + b",".join(events) + b"]")
    assert answer.json() == {"accepted": 3, "rejected": []}
