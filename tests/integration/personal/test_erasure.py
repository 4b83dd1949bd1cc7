"""After an erasure nothing says who an account was, and nothing else has changed."""

import json
import logging
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from fastapi import FastAPI

from shared.database import Pool
from shared.events.envelope import Origin
from shared.stream import aside
from tests.integration.personal.conftest import Desk, payment

TOKEN = "token-of-a-person"
PERSON = f"jsrcb:{TOKEN}"
OTHER = "jsrcb:token-0002"
SCHEMAS = ("personal", "points")
COLUMNS = """
select table_schema, table_name, column_name, data_type from information_schema.columns
where table_schema = any($1) order by 1, 2, 3
"""


async def places_of(connection: asyncpg.Connection, text: str) -> dict[str, int]:
    """In which columns of any type of any table the text stands, as text or as bytes."""
    found = {}
    for schema, table, column, type_ in await connection.fetch(COLUMNS, list(SCHEMAS)):
        name = f'{schema}."{table}"."{column}"'
        wanted = (
            f'position($1::bytea in "{column}")' if type_ == "bytea"
            else f"strpos(\"{column}\"::text, convert_from($1::bytea, 'UTF8'))"
        )  # fmt: skip
        number = await connection.fetchval(
            f'select count(*) from {schema}."{table}" where {wanted} > 0', text.encode()
        )
        if number:
            found[name] = number
    return found


def id_of(n: int) -> str:
    """As banks do that number the payments of each customer."""
    return f"{TOKEN}-{n}"


def events() -> list[Any]:
    """Credited, capped, reversed, parked, refused, in conflict and unreadable ones."""
    rides = [
        payment(id_of(n), PERSON, f"2026-03-02T0{n}:00:00+08:00", kind="bus_ride", channel="nfc",
                channel_ref=f"trip-{n}")
        for n in range(8)
    ]  # fmt: skip
    unreadable = payment("unreadable", PERSON, kind="lottery")
    timeless = payment("timeless", PERSON)
    del timeless["time"]
    return [
        payment("other", OTHER),
        *rides,
        payment("same-trip", OTHER, "2026-03-02T09:00:00+08:00", kind="bus_ride", channel="nfc",
                channel_ref="trip-1"),
        payment("back", PERSON, reverses=id_of(7)),
        payment("waits", PERSON, reverses="never-came"),
        payment(id_of(1), PERSON, channel="counter"),
        payment("again", PERSON, reverses=id_of(7)),
        timeless,
        unreadable,
    ]  # fmt: skip


async def drained(pool: Pool, schema: str) -> bool:
    return not await pool.fetchval(f"select exists (select from {schema}.outbox)")


@pytest.fixture
async def services(start: Any) -> dict[str, FastAPI]:
    return {name: await start(name) for name in SCHEMAS}


async def test_nothing_says_who_was_erased_and_nothing_else_has_changed(
    services: dict[str, FastAPI],
    publish: Any,
    client: Any,
    eventually: Any,
    database_url: str,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    # As in production: our own lines of all levels, those of libraries from warnings up.
    caplog.set_level(logging.WARNING)
    database = await asyncpg.connect(database_url)
    pools = {name: app.state.pool for name, app in services.items()}
    personal, points = (client(services[name]) for name in SCHEMAS)

    async def has(http: Any, field: str, subject: str, amount: str) -> bool:
        answer = await http.get(f"/v1/accounts/{subject}")
        return bool(answer.status_code == 200 and answer.json()[field] == amount)

    async def settled() -> bool:
        dead = await pools["personal"].fetchval("select count(*) from dead_letter")
        return (
            await has(points, "balance", PERSON, "588.000")
            and await has(points, "balance", OTHER, "23.096")
            and dead == 4
            and all([await drained(pools[name], name) for name in SCHEMAS])
        )

    async def forgotten() -> bool:
        answer = await points.get(f"/v1/accounts/{PERSON}")
        return answer.status_code == 404 and all(
            [await drained(pools[name], name) for name in SCHEMAS]
        )

    async with personal, points:
        await publish("payments", events())
        await eventually(settled)
        assert len(await places_of(database, TOKEN)) > 4
        reward = {"name": "bag", "name_zh": "购物袋", "points": "20.000", "stock": 5}
        assert (await points.put("/v1/rewards/bag", json=reward)).status_code in (200, 201)
        redemption = {"account_id": PERSON, "reward_id": "bag", "quantity": 1}
        answer = await points.post(
            "/v1/redemptions", json=redemption, headers={"idempotency-key": "k1"}
        )
        assert answer.status_code == 201, answer.text
        city = (await personal.get("/v1/region/summary")).json()
        before = await totals(database)

        assert (await personal.delete(f"/v1/accounts/{PERSON}")).status_code == 204
        await eventually(forgotten)
        assert await places_of(database, TOKEN) == {}
        assert (await personal.get("/v1/region/summary")).json() == city
        assert await totals(database) == before
        for path in ("", "/entries", "/statement"):
            assert (await personal.get(f"/v1/accounts/{PERSON}{path}")).status_code == 404
        assert (await personal.delete(f"/v1/accounts/{PERSON}")).status_code == 404

        written = capfd.readouterr()
        assert TOKEN not in written.out + written.err + caplog.text
    await database.close()


async def test_unreadable_events_of_longer_names_stay(desk: Desk) -> None:
    """A dead letter that belongs to no account goes with the person whom it names."""
    subjects = [OTHER, f"{OTHER}9", f"x{OTHER}", f"{OTHER}-1", f"{OTHER}_"]
    letters = [
        aside.poison(json.dumps(payment("p", subject)).encode(), Origin("payments", 0, n), "x", "y")
        for n, subject in enumerate(subjects)
    ]
    await desk.post(payment("p1", OTHER))
    async with desk.app.state.pool.acquire() as connection:
        await aside.bury(connection, letters, desk.now)
    assert (await desk.http.delete(f"/v1/accounts/{OTHER}")).status_code == 204
    raws = await desk.app.state.pool.fetch("select raw from dead_letter")
    assert {json.loads(row[0])["subject"] for row in raws} == set(subjects[1:])


async def totals(database: asyncpg.Connection) -> list[Any]:
    """What the ledgers add up to."""
    return [
        await database.fetchval("select sum(amount_mg) from personal.ledger_entry"),
        await database.fetchval("select sum(balance) from personal.account"),
        await database.fetchval("select sum(balance) from points.account"),
    ]


async def test_a_later_payment_under_the_same_token_begins_anew(
    services: dict[str, FastAPI], publish: Any, client: Any, eventually: Any, read_topic: Any
) -> None:
    personal, points = (client(services[name]) for name in SCHEMAS)

    async def has(amount: str) -> bool:
        answers = [await http.get(f"/v1/accounts/{PERSON}") for http in (personal, points)]
        if any(answer.status_code != 200 for answer in answers):
            return False
        grams, balance = answers[0].json()["reduction_g"], answers[1].json()["balance"]
        return bool(grams == balance == amount)

    async def gone() -> bool:
        return bool((await points.get(f"/v1/accounts/{PERSON}")).status_code == 404)

    async with personal, points:
        rides = [payment(id_of(n), PERSON, kind="bus_ride", channel="nfc") for n in range(6)]
        await publish("payments", rides)
        await eventually(lambda: has("588.000"))
        assert (await personal.delete(f"/v1/accounts/{PERSON}")).status_code == 204
        await eventually(gone)

        later = "2099-01-01T10:00:00+08:00"
        anew = payment("anew", PERSON, later, kind="bus_ride", channel="nfc")
        await publish("payments", [*rides, anew])
        await eventually(lambda: has("98.000"))
        entries = (await personal.get(f"/v1/accounts/{PERSON}/entries")).json()["items"]
        assert [entry["event_id"] for entry in entries] == ["anew"]
        city = (await personal.get("/v1/region/summary")).json()
        assert Decimal(city["reduction_t"]) == 7 * Decimal("0.000098")

    async def told() -> Any:
        found = [
            e for e in await read_topic("personal-reductions") if e["type"].endswith("reduction.v1")
        ]
        return len(found) == 7 and found

    newest = max(await eventually(told), key=lambda e: (e["data"]["epoch"], e["data"]["sequence"]))
    assert (newest["data"]["epoch"], newest["data"]["cause"]) == (2, "anew")
