"""A workload put on Kafka as the faults tests do it, without any fault."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress

import asyncpg
import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI

from shared import kafka
from shared.events.kafka import HEADERS
from shared.settings import Settings
from tests.faults.comparison import Differences, differences
from tests.faults.comparison_sql import JOURNALS
from tests.faults.oracle import Expected
from tests.faults.workload import Sent, Workload
from tests.integration.conftest import Eventually

BATCH_ROWS = 40
SETTLING_SECONDS = 60
POSTED = f"select count(*) from ({' union all '.join(JOURNALS.values())}) posted"

Put = Callable[[Iterable[Sent]], Awaitable[None]]
Settled = Callable[[Expected], Awaitable[Differences]]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Small batches: events wait for others, and caps are filled again, from batch to batch."""
    return msgspec.structs.replace(settings, tanzhang_batch_rows=BATCH_ROWS)


@pytest.fixture
async def put(open_settings: Settings) -> AsyncIterator[Put]:
    """`await put(records)`: onto their topics in this order, acknowledged."""
    producer = AIOKafkaProducer(**kafka.producer_options(open_settings))
    await producer.start()

    async def _put(records: Iterable[Sent]) -> None:
        sent = [
            await producer.send(
                open_settings.topic(record.topic),
                record.raw,
                key=record.subject.encode(),
                headers=HEADERS,
            )
            for record in records
        ]
        await asyncio.gather(*sent)

    yield _put
    await producer.stop()


@pytest.fixture
def settled(database_url: str, eventually: Eventually) -> Settled:
    """What differs from the oracle when nothing changes that any more."""

    async def _settled(expected: Expected) -> Differences:
        async def arrived() -> bool:
            # Cheaper than a comparison, which is then made once or twice.
            connection = await asyncpg.connect(database_url)
            posted: int = await connection.fetchval(POSTED)
            await connection.close()
            return posted >= sum(map(len, expected.amounts.values()))

        async def agree() -> bool:
            return not await differences(database_url, expected)

        with suppress(AssertionError):
            await eventually(arrived)
            await eventually(agree, SETTLING_SECONDS)
        return await differences(database_url, expected)

    return _settled


async def register(
    workload: Workload,
    apps: dict[str, FastAPI],
    client: Callable[[FastAPI], httpx.AsyncClient],
) -> None:
    """PUT the workload's registrations."""
    for service, path, body in workload.registrations():
        async with client(apps[service]) as http:
            answer = await http.put(path, json=body)
        assert answer.is_success, f"{path}: {answer.text}"
