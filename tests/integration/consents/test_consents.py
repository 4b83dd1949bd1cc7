"""Consents over HTTP: given, shown, asked for, prolonged, withdrawn, erased."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

from shared.database.migrations import check

Town = Any  # the fixture's, of conftest.py
PERSON, OTHER = "jsrcb:token-0001", "jsrcb:token-0002"
UNTIL = "2026-09-01T00:00:00+08:00"
BODY = {"account_id": PERSON, "bank": "icbc", "scope": "passport", "until": UNTIL}
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"scope": "all"}, "/scope", "must be one of: account, credit_score, passport, village"),
    ({"until": "2026-03-01T10:00:00+08:00"}, "/until", "a time after now, at most 5 years"),
    ({"until": "2031-03-01T10:00:01+08:00"}, "/until", "a time after now, at most 5 years"),
    ({"until": "2026-09-01T00:00:00"}, "/until", "timezone"),
    ({"given_at": "2026-03-01T10:01:01+08:00"}, "/given_at", "a time that has come"),
    ({"until": None}, "/until", "Expected `datetime`"),
    ({"bank": "ICBC"}, "/bank", "expected 2 to 32 of a-z, 0-9 and -"),
    ({"bank": "icbc\n"}, "/bank", "expected 2 to 32 of a-z, 0-9 and -"),
    ({"bank": "13812345678"}, "/bank", "looks like a mobile number"),
    ({"account_id": "jsrcb"}, "/account_id", "expected <bank>:<token>"),
    ({"bnak": "icbc"}, "/bnak", "is not a field"),
]


async def ask(
    town: Town, bank: str = "icbc", scope: str = "passport", account: str = PERSON
) -> Any:
    http = await town.http()
    params = {"account_id": account, "bank": bank, "scope": scope}
    answer = await http.get("/v1/consents/check", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_tables_in_code_and_in_the_database_agree(town: Town, database_url: str) -> None:
    await check(database_url, "points")


async def test_a_consent_is_given_shown_and_withdrawn_with_its_history(town: Town) -> None:
    await town.earn()
    given = await town.give("icbc", "passport")
    assert (given["status"], given["until"]) == ("live", "2026-08-31T16:00:00Z")
    found = await ask(town)
    assert found["consent"] == {"id": given["id"], "until": "2026-08-31T16:00:00Z"}
    town.now += timedelta(days=1)
    withdrawn = await town.withdraw(given)
    http = await town.http("points", PERSON)
    shown = (await http.get(f"/v1/consents/{given['id']}")).json()
    assert shown == withdrawn
    assert shown["status"] == "withdrawn"
    assert shown["history"] == [
        {"what": "given", "at": "2026-03-01T02:00:00Z", "by": "person"},
        {"what": "withdrawn", "at": "2026-03-02T02:00:00Z", "by": "person"},
    ]
    refused = await ask(town)
    assert refused["consent"] is None
    assert refused["reason"]["en"] == "it was withdrawn on 2026-03-02T02:00:00+00:00"


async def test_a_consent_holds_for_its_bank_and_scope_only(town: Town) -> None:
    await town.earn()
    await town.give("icbc", "passport")
    for bank, scope in (("ccb", "passport"), ("icbc", "account"), ("icbc", "village")):
        assert (await ask(town, bank, scope))["reason"]["code"] == "none"


async def test_a_consent_ends_by_itself(town: Town) -> None:
    await town.earn()
    given = await town.give("icbc", "passport")
    town.now = town.now.replace(month=9)
    assert (await ask(town))["reason"]["en"] == "it ended on 2026-08-31T16:00:00+00:00"
    http = await town.http("points", PERSON)
    shown = (await http.get(f"/v1/consents/{given['id']}")).json()
    assert [step["what"] for step in shown["history"]] == ["given", "ended"]
    assert (await town.withdraw(given))["status"] == "ended"


async def test_the_same_again_is_the_same_consent(town: Town) -> None:
    await town.earn()
    http = await town.http("points", PERSON)
    first, again = [await http.post("/v1/consents", json=BODY) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()


async def test_another_end_makes_a_new_record_that_replaces_the_old(town: Town) -> None:
    await town.earn()
    old = await town.give("icbc", "passport")
    new = await town.give("icbc", "passport", until="2027-01-01T00:00:00+08:00")
    http = await town.http("points", PERSON)
    shown = (await http.get(f"/v1/consents/{old['id']}")).json()
    assert (shown["status"], shown["history"][1]["replaced_by"]) == ("replaced", new["id"])
    assert (await ask(town))["consent"]["id"] == new["id"]
    refused = await http.post(f"/v1/consents/{old['id']}/withdraw")
    assert (refused.status_code, refused.json()["replaced_by"]) == (409, new["id"])
    assert refused.json()["type"] == "urn:tanzhang:problem:consent-replaced"
    await town.withdraw(new)
    assert (await ask(town))["reason"]["code"] == "withdrawn"


async def test_what_has_ended_can_be_given_anew(town: Town) -> None:
    await town.earn()
    await town.withdraw(await town.give("icbc", "passport"))
    second = await town.give("icbc", "passport")
    town.now = town.now.replace(month=10)
    third = await town.give("icbc", "passport", until="2027-01-01T00:00:00+08:00")
    assert (await ask(town))["consent"]["id"] == third["id"]
    http = await town.http("points", PERSON)
    shown = (await http.get(f"/v1/consents/{second['id']}")).json()
    assert shown["status"] == "ended"


async def test_a_late_repeat_gives_nothing_anew_that_was_withdrawn_or_changed(town: Town) -> None:
    """A client that had no answer asks again when the person has thought better of it."""
    await town.earn()
    http = await town.http("points", PERSON)
    lost = BODY | {"given_at": town.now.isoformat()}
    first, again = [await http.post("/v1/consents", json=lost) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 200)
    town.now += timedelta(days=1)
    shorter = BODY | {"until": "2026-08-01T00:00:00+08:00", "given_at": town.now.isoformat()}
    second = await http.post("/v1/consents", json=shorter)
    assert (second.status_code, second.json()["given_at"]) == (201, "2026-03-02T02:00:00Z")
    refused = [await http.post("/v1/consents", json=lost)]
    town.now += timedelta(days=1)
    await town.withdraw(second.json())
    refused += [await http.post("/v1/consents", json=body) for body in (lost, shorter)]
    assert [(answer.status_code, answer.json()["type"]) for answer in refused] == [
        (409, "urn:tanzhang:problem:consent-overtaken")
    ] * 3
    assert refused[0].json()["detail"].startswith("This consent was given anew after 2026-03-01")
    assert refused[2].json()["detail"].startswith("This consent was withdrawn after 2026-03-02")
    assert (await ask(town))["reason"]["code"] == "withdrawn"
    town.now += timedelta(seconds=1)
    anew = BODY | {"given_at": town.now.isoformat()}
    assert (await http.post("/v1/consents", json=anew)).status_code == 201


async def test_a_late_repeat_is_known_although_its_clock_is_ahead(town: Town) -> None:
    await town.earn()
    http = await town.http("points", PERSON)
    lost = BODY | {"given_at": (town.now + timedelta(seconds=50)).isoformat()}
    first, again = [await http.post("/v1/consents", json=lost) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 200)
    town.now += timedelta(seconds=20)
    withdrawn = await town.withdraw(first.json())
    assert [step["at"] for step in withdrawn["history"]] == ["2026-03-01T02:00:50Z"] * 2
    town.now += timedelta(days=1)
    assert (await http.post("/v1/consents", json=lost)).status_code == 409
    assert (await ask(town))["reason"]["code"] == "withdrawn"


async def test_what_was_decided_in_between_does_not_come_after_what_was_consented_to_anew(
    town: Town,
) -> None:
    """The same until again, later: whatever was asked before that and is late counts no more."""
    await town.earn()
    http = await town.http("points", PERSON)
    times = [(town.now + timedelta(hours=n)).isoformat() for n in range(3)]
    town.now += timedelta(hours=3)
    first, again = [
        await http.post("/v1/consents", json=BODY | {"given_at": at}) for at in times[::2]
    ]
    assert (first.status_code, again.status_code) == (201, 201)
    other = BODY | {"until": "2026-12-01T00:00:00+08:00", "given_at": times[1]}
    assert (await http.post("/v1/consents", json=other)).status_code == 409
    assert (await ask(town))["consent"]["id"] == again.json()["id"]


async def test_a_late_repeat_gives_nothing_anew_that_was_erased(town: Town) -> None:
    await town.earn()
    http = await town.http("points", PERSON)
    lost = BODY | {"given_at": town.now.isoformat()}
    await http.post("/v1/consents", json=lost)
    town.now += timedelta(days=1)
    await town.erase()
    await town.earn(epoch=2)
    assert (await http.post("/v1/consents", json=lost)).status_code == 409
    assert (await ask(town))["reason"]["code"] == "none"
    anew = BODY | {"given_at": (town.now + timedelta(seconds=1)).isoformat()}
    assert (await http.post("/v1/consents", json=anew)).status_code == 201


async def test_withdrawing_twice_answers_the_same(town: Town) -> None:
    await town.earn()
    given = await town.give("icbc", "passport")
    first = await town.withdraw(given)
    town.now += timedelta(days=1)
    assert await town.withdraw(given) == first


async def test_a_persons_consents_are_listed_the_newest_first_page_by_page(town: Town) -> None:
    await town.earn()
    for bank in ("icbc", "ccb", "abc"):
        await town.give(bank, "passport")
        town.now += timedelta(hours=1)
    http = await town.http("points", PERSON)
    banks: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        path = f"/v1/accounts/{PERSON}/consents?limit=1"
        page = (await http.get(path + (f"&cursor={cursor}" if cursor else ""))).json()
        banks += [item["bank"] for item in page["items"]]
        cursor = page["next"]
    assert banks == ["abc", "ccb", "icbc"]


async def test_many_at_once_leave_one_that_stands(town: Town) -> None:
    await town.earn()
    http = await town.http("points", PERSON)
    bodies = [BODY | {"until": f"2026-09-{day:02}T00:00:00+08:00"} for day in (1, 1, 2, 2, 3, 3)]
    answers = await asyncio.gather(*(http.post("/v1/consents", json=b) for b in bodies * 2))
    assert {answer.status_code for answer in answers} <= {200, 201}
    listed = (await http.get(f"/v1/accounts/{PERSON}/consents")).json()["items"]
    assert len(listed) == [a.status_code for a in answers].count(201)
    assert [item["status"] for item in listed].count("live") == 1


async def test_a_wrong_field_is_named(town: Town) -> None:
    http = await town.http()
    for changes, pointer, detail in WRONG:
        answer = await http.post("/v1/consents", json=BODY | changes)
        assert answer.status_code == 422, changes
        [error] = answer.json()["errors"]
        assert error["pointer"] == pointer
        assert detail in error["detail"]


async def test_who_has_no_account_gives_no_consent(town: Town) -> None:
    http = await town.http("points", PERSON)
    answer = await http.post("/v1/consents", json=BODY)
    assert (answer.status_code, answer.json()["detail"]) == (404, f"There is no account {PERSON!r}")
    assert await town.apps["points"].state.pool.fetchval("select count(*) from account") == 0


async def test_who_does_not_speak_for_the_person_neither_gives_nor_withdraws(town: Town) -> None:
    await town.earn()
    given = await town.give("icbc", "passport")
    path = f"/v1/consents/{given['id']}"
    stranger = await town.http("points", OTHER)
    bank = await town.http("points", bank="icbc")
    for http, status in ((stranger, 404), (bank, 403)):
        assert (await http.post("/v1/consents", json=BODY)).status_code == 403
        assert (await http.post(f"{path}/withdraw")).status_code == status
        assert (await http.get(f"/v1/accounts/{PERSON}/consents")).status_code == 403
    unseen = await stranger.get(path)
    assert (unseen.status_code, PERSON in unseen.text) == (404, False)
    reader = await town.http("points", PERSON, scopes=("consents:read",))
    refused = await reader.post("/v1/consents", json=BODY)
    assert (refused.status_code, refused.json()["scope"]) == (403, "consents:write")
    assert (await ask(town))["reason"]["code"] == "live"


async def test_the_own_bank_gives_and_withdraws_and_is_named(town: Town) -> None:
    await town.earn()
    http = await town.http("points", "jsrcb:*", bank="jsrcb", client="jsrcb-counter")
    given = (await http.post("/v1/consents", json=BODY)).json()
    withdrawn = (await http.post(f"/v1/consents/{given['id']}/withdraw")).json()
    assert [step["by"] for step in withdrawn["history"]] == ["jsrcb-counter"] * 2


async def test_a_bank_sees_what_was_given_to_it_and_asks_about_itself_only(town: Town) -> None:
    await town.earn()
    given = await town.give("icbc", "passport")
    icbc = await town.http("points", "icbc:*", bank="icbc")
    ccb = await town.http("points", "ccb:*", bank="ccb")
    path = f"/v1/consents/{given['id']}"
    assert (await icbc.get(path)).status_code == 200
    assert (await ccb.get(path)).status_code == 404
    params = {"account_id": PERSON, "bank": "icbc", "scope": "passport"}
    assert (await icbc.get("/v1/consents/check", params=params)).json()["consent"]
    refused = await ccb.get("/v1/consents/check", params=params)
    assert refused.json()["detail"] == "The token is of the bank ccb: it asks about no other"


async def test_a_wrong_question_is_told_what_is_wrong(town: Town) -> None:
    http = await town.http()
    right = {"account_id": PERSON, "bank": "icbc", "scope": "passport"}
    for name, value in (("account_id", "x"), ("bank", "ICBC"), ("scope", "all")):
        answer = await http.get("/v1/consents/check", params=right | {name: value})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == f"/query/{name}"


async def test_an_unknown_account_has_given_no_consent_like_any_other(town: Town) -> None:
    await town.earn()
    assert await ask(town, account=OTHER) == await ask(town)
    http = await town.http()
    assert (await http.get(f"/v1/consents/{uuid4()}")).status_code == 404


async def test_an_unknown_account_has_no_list_of_consents(town: Town) -> None:
    http = await town.http()
    answer = await http.get(f"/v1/accounts/{OTHER}/consents")
    assert (answer.status_code, answer.json()["detail"]) == (404, f"There is no account {OTHER!r}")
    await town.earn(OTHER)
    answer = await http.get(f"/v1/accounts/{OTHER}/consents")
    assert answer.json() == {"items": [], "next": None}


async def test_a_bank_that_names_an_account_does_not_give_as_the_person(town: Town) -> None:
    await town.earn()
    http = await town.http("points", PERSON, bank="jsrcb", client="jsrcb-counter")
    given = (await http.post("/v1/consents", json=BODY)).json()
    assert given["history"][0]["by"] == "jsrcb-counter"


async def test_an_erasure_ends_what_the_person_agreed_to_and_where_they_belong(town: Town) -> None:
    await town.earn()
    given = await town.give("icbc", "passport")
    await town.withdraw(await town.give("ccb", "account"))
    http = await town.http()
    path = f"/v1/accounts/{PERSON}/village"
    assert (await http.put(path, json={"village": "330881101201"})).status_code == 200
    await town.erase()
    pool = town.apps["points"].state.pool
    for table in ("consent", "residence"):
        assert await pool.fetchval(f"select count(*) from {table}") == 0
    assert (await http.get(f"/v1/consents/{given['id']}")).status_code == 404
    await town.earn(sequence=1, epoch=2)
    assert (await http.get(f"/v1/accounts/{PERSON}")).json()["balance"] == "23.096"
    assert (await http.get(f"/v1/accounts/{PERSON}/consents")).json()["items"] == []
    assert (await http.get(path)).status_code == 404
    assert (await ask(town))["reason"]["code"] == "none"


async def test_a_consent_given_while_the_person_is_erased_is_gone_or_none(town: Town) -> None:
    persons = [f"jsrcb:token-{n:04}" for n in range(10)]
    http = await town.http()
    for person in persons:
        await town.earn(person)
    bodies = [BODY | {"account_id": person} for person in persons]
    answers = await asyncio.gather(
        *(http.post("/v1/consents", json=body) for body in bodies),
        *(town.erase(person) for person in persons),
    )
    assert {answer.status_code for answer in answers[: len(persons)]} <= {201, 404}
    assert await town.apps["points"].state.pool.fetchval("select count(*) from consent") == 0
