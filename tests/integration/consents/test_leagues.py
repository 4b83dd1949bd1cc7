"""Villages and league tables: sums of ten people or more, taken once a day."""

import asyncio
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

import pytest

from services.points import leagues

Town = Any  # the fixture's, of conftest.py
VILLAGES = [f"33088110120{n}" for n in range(1, 5)]
BANKS = "/v1/leagues/banks?year=2026"
OF_VILLAGES = "/v1/leagues/villages?year=2026"


async def join(town: Town, village: str, *persons: str) -> None:
    http = await town.http()
    for person in persons:
        answer = await http.put(f"/v1/accounts/{person}/village", json={"village": village})
        assert answer.status_code == 200, answer.text


async def customers(town: Town, bank: str, count: int, grams: str, **when: Any) -> list[str]:
    persons = [f"{bank}:token-{n:04}" for n in range(count)]
    for person in persons:
        await town.earn(person, grams, **when)
    return persons


async def league(town: Town, path: str = BANKS) -> Any:
    answer = await (await town.http("points", "nobody")).get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_banks_by_what_each_person_earned(town: Town) -> None:
    await customers(town, "abc", 10, "1")
    await customers(town, "ccb", 11, "2.5")
    await customers(town, "icbc", 12, "1")
    await town.tick()
    found = await league(town)
    assert found["taken_at"] == "2026-03-01T02:00:00Z"
    assert [(line["rank"], line["bank"], line["people"]) for line in found["items"]] == [
        (1, "ccb", 11),
        (2, "abc", 10),
        (2, "icbc", 12),
    ]
    assert (found["items"][0]["points"], found["items"][0]["points_per_head"]) == (
        "27.500",
        "2.500",
    )
    assert found["others"] is None


async def test_few_people_are_neither_shown_nor_what_the_city_less_the_others_leaves(
    town: Town,
) -> None:
    await customers(town, "abc", 10, "1")
    await customers(town, "ccb", 12, "2")
    await customers(town, "icbc", 3, "100")
    await town.tick()
    found = await league(town)
    assert [line["bank"] for line in found["items"]] == ["ccb"]
    assert (found["others"]["people"], found["others"]["points"]) == (13, "310.000")
    stored = await town.apps["points"].state.pool.fetch("select name from league where people < 10")
    assert stored == []


async def test_who_belongs_to_no_village_is_among_the_others(town: Town) -> None:
    persons = await customers(town, "abc", 22, "1")
    await join(town, VILLAGES[0], *persons[:12])
    await town.tick()
    found = await league(town, OF_VILLAGES)
    assert [(line["village"], line["people"]) for line in found["items"]] == [(VILLAGES[0], 12)]
    assert found["others"] == {"people": 10, "points": "10.000", "points_per_head": "1.000"}


async def test_an_erased_person_has_no_bank_but_stays_in_the_sum(town: Town) -> None:
    persons = await customers(town, "abc", 21, "1")
    await customers(town, "ccb", 10, "1")
    await town.erase(persons[0])
    await town.tick()
    found = await league(town)
    assert [(line["bank"], line["people"]) for line in found["items"]] == [("abc", 20)]
    assert (found["others"]["people"], found["others"]["points"]) == (11, "11.000")


async def test_a_year_is_the_citys_and_what_was_taken_back_is_not_earned(town: Town) -> None:
    new_year = datetime(2025, 12, 31, 16, tzinfo=UTC)
    persons = await customers(town, "abc", 10, "5", at=new_year)
    for person in persons:
        await town.earn(person, "7", new_year - timedelta(seconds=1), sequence=2)
        await town.earn(person, "-2", new_year, sequence=3)
    await town.tick()
    assert (await league(town))["items"][0]["points"] == "30.000"
    assert (await league(town, "/v1/leagues/banks?year=2025"))["items"][0]["points"] == "70.000"
    assert (await league(town, "/v1/leagues/banks?year=2024"))["items"] == []


async def test_who_earned_nothing_hides_nobody(town: Town) -> None:
    persons = await customers(town, "abc", 10, "5")
    for person in persons[1:]:
        await town.earn(person, "-5", sequence=2)
    await town.tick()
    assert (await league(town))["items"] == []


async def test_the_tables_are_taken_once_a_day_and_when_told_to(town: Town) -> None:
    await town.tick()
    await customers(town, "abc", 10, "1")
    town.now += timedelta(hours=1)
    await town.tick()
    assert (await league(town))["items"] == []
    http = await town.http()
    assert (await http.post("/v1/leagues/take")).json() == {"taken_at": "2026-03-01T03:00:00Z"}
    assert len((await league(town))["items"]) == 1
    await town.earn("abc:token-0000", "1", sequence=2)
    town.now += timedelta(days=1)
    await town.tick()
    assert (await league(town))["items"][0]["points"] == "11.000"


async def test_the_tables_are_not_taken_twice_at_once(town: Town) -> None:
    http = await town.http()
    pool = town.apps["points"].state.pool
    async with pool.acquire() as other, other.transaction():
        await other.fetchval(leagues.LEAD)
        refused = await http.post("/v1/leagues/take")
        await town.tick()
    assert refused.status_code == 409
    assert refused.json()["detail"] == "The tables are being taken at this moment"
    assert (await league(town))["taken_at"] is None


async def test_a_table_is_of_one_taking(town: Town) -> None:
    """While it is taken anew: the lines, the others and the time belong together."""
    await join(town, VILLAGES[0], *await customers(town, "abc", 10, "1"))
    http, pool = await town.http(), town.apps["points"].state.pool
    found = []

    async def read() -> None:
        while town.now.minute < 20:
            found.append((await http.get(OF_VILLAGES)).json())

    async def take() -> None:
        for _ in range(20):
            town.now += timedelta(minutes=1)
            village = VILLAGES[town.now.minute % 2]
            await pool.execute("update residence set village = $1", village)
            assert (await http.post("/v1/leagues/take")).status_code == 200

    await asyncio.gather(take(), *(read() for _ in range(4)))
    for table in filter(itemgetter("taken_at"), found):
        minute = int(table["taken_at"][14:16])
        assert [line["village"] for line in table["items"]] == [VILLAGES[minute % 2]]


@pytest.mark.parametrize("token", [{"bank": "icbc"}, {}])
async def test_only_the_city_takes_tables(town: Town, token: dict[str, Any]) -> None:
    http = await town.http("points", "*" if token else "icbc:*", **token)
    refused = await http.post("/v1/leagues/take")
    assert refused.status_code == 403
    assert refused.json()["detail"].startswith("This is the city's")


async def test_a_table_goes_on_page_by_page(town: Town) -> None:
    for bank in ("abc", "ccb", "icbc"):
        await customers(town, bank, 10, "1")
    await town.tick()
    banks: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await league(town, f"{BANKS}&limit=1" + (f"&cursor={cursor}" if cursor else ""))
        banks += [(line["rank"], line["bank"]) for line in page["items"]]
        cursor = page["next"]
    assert banks == [(1, "abc"), (1, "ccb"), (1, "icbc")]


async def test_a_wrong_question_is_told_what_is_wrong(town: Town) -> None:
    http = await town.http()
    for path, pointer in (
        ("/v1/leagues/banks", "/query/year"),
        ("/v1/leagues/banks?year=last", "/query/year"),
        ("/v1/leagues/towns?year=2026", "/path/kind"),
    ):
        answer = await http.get(path)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_a_person_moves_and_leaves(town: Town) -> None:
    await town.earn()
    path = "/v1/accounts/jsrcb:token-0001/village"
    http = await town.http()
    first = (await http.put(path, json={"village": VILLAGES[0]})).json()
    town.now += timedelta(days=1)
    assert (await http.put(path, json={"village": VILLAGES[0]})).json() == first
    moved = (await http.put(path, json={"village": VILLAGES[1]})).json()
    assert (moved["village"], moved["since"]) == (VILLAGES[1], "2026-03-02T02:00:00Z")
    assert (await http.get(path)).json() == moved
    assert (await http.delete(path)).status_code == 204
    assert (await http.get(path)).status_code == 404


async def test_a_wrong_village_is_refused(town: Town) -> None:
    await town.earn()
    http = await town.http()
    answer = await http.put(
        "/v1/accounts/jsrcb:token-0001/village", json={"village": "330881101000"}
    )
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {
            "pointer": "/village",
            "detail": "expected the 12 digits of a village's administrative division code",
        }
    ]
    unknown = await http.put("/v1/accounts/jsrcb:token-0009/village", json={"village": VILLAGES[0]})
    assert unknown.status_code == 404


async def test_only_a_registrar_says_where_somebody_belongs(town: Town) -> None:
    await town.earn()
    path = "/v1/accounts/jsrcb:token-0001/village"
    reader = await town.http("points", scopes=("points:read",))
    refused = await reader.put(path, json={"village": VILLAGES[0]})
    assert (refused.status_code, refused.json()["scope"]) == (403, "registry:write")
    other = await town.http("points", "icbc:*")
    assert (await other.put(path, json={"village": VILLAGES[0]})).status_code == 403
    assert (await other.get(path)).status_code == 403
