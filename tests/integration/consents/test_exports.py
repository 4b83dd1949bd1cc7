"""Exports: consented persons only, at the moment of asking."""

from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.requests import Request

from services.points.api.exports import csv_pieces
from services.points.exports import Export

Town = Any  # the fixture's, of conftest.py
PERSONS = [f"jsrcb:token-000{n}" for n in range(1, 6)]
PATH = "/v1/exports/credit_score"
YEAR_AGO = datetime(2025, 2, 28, tzinfo=UTC)


async def office(town: Town, name: str = "xinan") -> Any:
    return await town.http("points", bank=name)


async def exported(http: Any, path: str = PATH) -> list[str]:
    answer = await http.get(path)
    assert answer.status_code == 200, answer.text
    return [item["account_id"] for item in answer.json()["items"]]


async def consenting(town: Town, persons: list[str] = PERSONS, scope: str = "credit_score") -> Any:
    given = []
    for person in persons:
        await town.earn(person)
        given.append(await town.give("xinan", scope, person))
    return given


async def test_only_persons_who_consent_to_it_are_exported(town: Town) -> None:
    given = await consenting(town)
    await town.withdraw(given[1])
    await town.give("xinan", "credit_score", PERSONS[2], until="2026-03-01T10:00:01+08:00")
    town.now = town.now.replace(second=1)
    await town.earn("jsrcb:token-0006")
    await town.give("xinan", "village", "jsrcb:token-0006")
    assert await exported(await office(town)) == [PERSONS[0], *PERSONS[3:]]
    assert await exported(await office(town, "another")) == []
    assert await exported(await office(town), "/v1/exports/village") == ["jsrcb:token-0006"]


async def test_balance_trailing_points_and_tier(town: Town) -> None:
    [person, *_] = PERSONS
    await town.earn(person, "3000", YEAR_AGO, sequence=1)
    await town.earn(person, "700", sequence=2)
    await town.earn(person, "-100", sequence=3)
    await town.give("xinan", "credit_score", person)
    await town.tick()
    [item] = (await (await office(town)).get(PATH)).json()["items"]
    assert item == {
        "account_id": person,
        "balance": "3600.000",
        "credited_12m": "600.000",
        "tier": "light",
        "as_of": "2026-03-01T02:00:00Z",
    }


async def test_the_village_evaluation_gets_the_village(town: Town) -> None:
    await consenting(town, PERSONS[:2], "village")
    http = await town.http()
    await http.put(f"/v1/accounts/{PERSONS[1]}/village", json={"village": "330881101201"})
    items = (await (await office(town)).get("/v1/exports/village")).json()["items"]
    assert [item["village"] for item in items] == [None, "330881101201"]


async def test_who_withdraws_while_pages_are_read_is_not_in_the_next(town: Town) -> None:
    given = await consenting(town)
    http = await office(town)
    first = (await http.get(f"{PATH}?limit=2")).json()
    assert [item["account_id"] for item in first["items"]] == PERSONS[:2]
    await town.withdraw(given[2])
    # The last person of the page before may go too: the next page begins behind all the same.
    await town.withdraw(given[1])
    rest = (await http.get(f"{PATH}?limit=2&cursor={first['next']}")).json()
    assert [item["account_id"] for item in rest["items"]] == PERSONS[3:]
    assert rest["next"] is None


async def test_as_csv_everything_in_one_stream(town: Town) -> None:
    await consenting(town)
    http = await office(town)
    answer = await http.get(f"{PATH}?limit=2", headers={"accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="credit_score.csv"'
    lines = answer.text.split("\r\n")
    assert lines[0] == "account_id,balance,credited_12m,tier,as_of"
    assert lines[1] == f"{PERSONS[0]},23.096,23.096,none,2026-03-01T02:00:00+00:00"
    assert [line.split(",")[0] for line in lines[1:-1]] == PERSONS
    assert lines[-1] == ""


async def test_who_withdraws_while_csv_is_read_is_not_in_the_next_piece(town: Town) -> None:
    given = await consenting(town)
    request = Request({"type": "http", "app": town.apps["points"]})
    pieces = csv_pieces(request, Export("credit_score", "xinan"), "", 2)
    assert (await anext(pieces)).count("\r\n") == 3
    await town.withdraw(given[3])
    rest = "".join([piece async for piece in pieces])
    assert [line.split(",")[0] for line in rest.splitlines()] == [PERSONS[2], PERSONS[4]]


async def test_csv_of_nobody_is_its_head(town: Town) -> None:
    answer = await (await office(town)).get(PATH, headers={"accept": "text/csv"})
    assert answer.text == "account_id,balance,credited_12m,tier,as_of\r\n"


async def test_csv_is_a_503_and_no_empty_file_while_the_database_is_away(town: Town) -> None:
    http = await office(town)
    await town.apps["points"].state.pool.close()
    answer = await http.get(PATH, headers={"accept": "text/csv"})
    assert answer.status_code == 503


async def test_what_is_accepted_may_be_said_in_two_headers(town: Town) -> None:
    accepted = [("accept", "application/xml"), ("accept", "text/csv")]
    answer = await (await office(town)).get(PATH, headers=accepted)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"


@pytest.mark.parametrize("media", ["text/csv", "application/json"])
async def test_nobody_keeps_an_export_to_show_it_again(town: Town, media: str) -> None:
    """Who consents may have changed by then; and each form has an answer of its own."""
    answer = await (await office(town)).get(PATH, headers={"accept": media})
    assert (answer.headers["cache-control"], answer.headers["vary"]) == ("no-store", "accept")


async def test_an_account_id_is_no_formula_in_csv(town: Town) -> None:
    person = "-bank:token-0001"
    await consenting(town, [person])
    answer = await (await office(town)).get(PATH, headers={"accept": "text/csv"})
    assert answer.text.split("\r\n")[1].startswith(f"'{person},")


async def test_the_city_exports_for_an_institution_that_it_names(town: Town) -> None:
    await consenting(town, PERSONS[:1])
    http = await town.http()
    assert await exported(http, f"{PATH}?bank=xinan") == PERSONS[:1]
    unnamed = await http.get(PATH)
    assert (unnamed.status_code, unnamed.json()["errors"][0]["pointer"]) == (422, "/query/bank")


async def test_an_institution_exports_for_itself_only(town: Town) -> None:
    http = await office(town)
    assert (await http.get(f"{PATH}?bank=xinan")).status_code == 200
    refused = await http.get(f"{PATH}?bank=another")
    assert refused.status_code == 403
    assert "exports for no other" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("token", "detail"),
    [
        ({"scopes": ("points:read",)}, "exports:read"),
        ({}, "needs a token with the claim bank"),
    ],
)
async def test_not_everybody_exports(town: Town, token: dict[str, Any], detail: str) -> None:
    http = await town.http("points", "jsrcb:*", **token)
    refused = await http.get(PATH)
    assert refused.status_code == 403
    assert detail in refused.json()["detail"]


async def test_wrong_questions_are_told_what_is_expected(town: Town) -> None:
    http = await office(town)
    unknown = await http.get("/v1/exports/everything")
    assert unknown.status_code == 422
    assert "'credit_score' or 'village'" in unknown.json()["detail"]
    other = await http.get(PATH, headers={"accept": "application/xml"})
    assert other.status_code == 406
    assert other.json()["detail"].endswith("expected one of application/json, text/csv")
    assert (await http.get(f"{PATH}?cursor=x")).status_code == 422
