"""After an erasure nothing says who an account was, and nothing else has changed."""

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from fastapi import FastAPI

from shared.database import Pool
from shared.events.envelope import Origin
from shared.stream import aside
from tests.integration.personal.conftest import NOW, Desk, payment

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
        await everything_that_names(points)
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


async def everything_that_names(points: Any) -> None:
    """A redemption, a refused one, a consent, a village, a freeze: as talkative as they can be."""
    redemption = {"account_id": PERSON, "reward_id": "bag", "quantity": 1}
    for quantity, status in ((1, 201), (6, 409)):
        answer = await points.post(
            "/v1/redemptions",
            json=redemption | {"quantity": quantity},
            headers={"idempotency-key": id_of(quantity)},
        )
        assert answer.status_code == status, answer.text
    until = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    consent = {"account_id": PERSON, "bank": "icbc", "scope": "passport", "until": until}
    village = {"village": "330802001201"}
    for answer in (
        await points.post("/v1/consents", json=consent),
        await points.put(f"/v1/accounts/{PERSON}/village", json=village),
        await points.post(f"/v1/accounts/{PERSON}/freeze", json={"reason": f"asked by {PERSON}"}),
    ):
        assert answer.is_success, answer.text


async def bury(desk: Desk, *raws: str) -> None:
    """Dead letters of what could not be read, which belong to no account."""
    letters = [
        aside.poison(raw.encode(), Origin("payments", 0, n), "x", "y") for n, raw in enumerate(raws)
    ]
    async with desk.app.state.pool.acquire() as connection:
        await aside.bury(connection, letters, desk.now)


async def buried(desk: Desk) -> set[str]:
    rows = await desk.app.state.pool.fetch("select raw from dead_letter")
    return {row[0].decode() for row in rows}


async def erased(desk: Desk, subject: str = OTHER) -> int:
    answer = await desk.http.delete(f"/v1/accounts/{subject}")
    return int(answer.status_code)


async def test_unreadable_events_of_longer_names_stay(desk: Desk) -> None:
    """A dead letter that belongs to no account goes with the person whom it names."""
    others = [f"{OTHER}9", f"x{OTHER}", f"{OTHER}-1", f"{OTHER}_", "icbc:token-0002", "token-00021"]
    raws = [json.dumps(payment("p", subject)) for subject in (OTHER, *others)]
    await desk.post(payment("p1", OTHER))
    await bury(desk, *raws)
    assert await erased(desk) == 204
    assert await buried(desk) == set(raws[1:])


@pytest.mark.parametrize(
    "raw",
    [f"客户{OTHER}", f'{{"note": "a\\n{OTHER}"', f'"\\u5ba2{OTHER}"', '{"subject": "token-0002"'],
)
async def test_what_stands_before_a_name_does_not_hide_it(desk: Desk, raw: str) -> None:
    await desk.post(payment("p1", OTHER))
    await bury(desk, raw)
    assert await erased(desk) == 204
    assert await buried(desk) == set()


async def test_who_has_unreadable_events_only_is_erased_too(desk: Desk) -> None:
    await bury(desk, json.dumps(payment("p", OTHER)))
    assert [await erased(desk), await erased(desk)] == [204, 404]
    assert await buried(desk) == set()


async def test_what_is_no_account_of_a_person_takes_no_dead_letter_with_it(desk: Desk) -> None:
    raw = json.dumps(payment("p", OTHER))
    await bury(desk, raw)
    assert [await erased(desk, word) for word in ("id", "transfer", "jsrcb:transfer")] == [404] * 3
    assert await buried(desk) == {raw}


async def test_of_erasures_at_once_one_does_it_and_the_others_change_nothing(desk: Desk) -> None:
    """What is remembered keeps its epoch: a fresh account's outputs are newer than all before."""
    for day in range(3):
        desk.now = NOW + timedelta(days=day)
        await desk.post(payment(f"p{day}", OTHER, desk.now.isoformat()))
        statuses = await asyncio.gather(*(erased(desk) for _ in range(4)))
        assert sorted(statuses) == [204, 404, 404, 404]
    pool = desk.app.state.pool
    assert await pool.fetchval("select epoch from erased") == 3
    assert await pool.fetchval("select count(*) from account") == 3


async def test_a_payment_ahead_of_the_clock_is_as_old_as_the_others_it_came_with(
    desk: Desk,
) -> None:
    ahead = payment("ahead", OTHER, (NOW + timedelta(hours=10)).isoformat())
    await desk.post(ahead)
    assert await erased(desk) == 204
    await desk.post(ahead)
    assert await erased(desk) == 404
    await desk.post(payment("later", OTHER, (NOW + timedelta(hours=11)).isoformat()))
    assert (await desk.account(OTHER))["reduction_g"] == "23.096"


async def test_an_account_without_a_posted_payment_begins_anew_at_once(desk: Desk) -> None:
    await desk.post(payment("waits", OTHER, reverses="never-came"))
    assert await erased(desk) == 204
    soon = (NOW + timedelta(minutes=1)).isoformat()
    await desk.post(payment("soon", OTHER, soon))
    assert (await desk.account(OTHER))["reduction_g"] == "23.096"


async def test_what_is_beyond_the_doors_24_hours_holds_nothing_up(desk: Desk) -> None:
    await desk.post(payment("far", OTHER, "2099-01-01T10:00:00+08:00"))
    assert await erased(desk) == 204
    await desk.post(payment("later", OTHER, (NOW + timedelta(hours=25)).isoformat()))
    assert (await desk.account(OTHER))["reduction_g"] == "23.096"


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
