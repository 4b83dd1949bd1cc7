"""Readings held for review: what is held, what releases it, what an operator decides."""

import asyncio
from typing import Any

import httpx
import pytest

from services.industrial.app import create
from shared.settings import Settings
from tests.integration.industrial.held import decided, limited, review
from tests.integration.industrial.orders import (
    GRID_2022,
    energy_mg,
    facts,
    hour,
    ready,
)


async def test_an_impossible_interval_is_held_and_can_be_released(desk: Any) -> None:
    await limited(desk)
    spike = desk.interval("a", hour(0), hour(1), "101")
    assert (await desk.post(spike)).parked == 1
    await desk.post(spike, spike)
    item = await review(desk)
    assert item == {
        "id": item["id"], "enterprise_id": desk.enterprise, "meter_id": "m1",
        "event": {"source": "urn:utility:test", "id": "a"}, "reason": "impossible_consumption",
        "detail": "meter:m1: 101 kWh from 2022-03-01T00:00:00+08:00 to "
        "2022-03-01T01:00:00+08:00 (event 'a') is 101 kWh per hour; expected at most "
        "rate_max 100",
        "state": "open", "opened_at": "2026-06-01T00:00:00+00:00",
        "decided_at": None, "decided_by": None, "note": None,
    }  # fmt: skip
    assert list(await desk.parked()) == ["a"]
    assert await desk.entries() == []
    answer = (await decided(desk, "release")).json()
    assert (answer["state"], answer["note"], answer["decided_by"]) == (
        "released", "checked on site", "local",
    )  # fmt: skip
    assert answer["effect"] == {"posted": 1, "parked": 0, "refused": {}}
    assert await energy_mg(desk) == 101 * GRID_2022
    assert await desk.parked() == {}
    assert (await desk.post(spike)).duplicates == 1
    assert await desk.audit() == []


async def test_a_rejected_reading_is_a_dead_letter_and_stays_one(desk: Any) -> None:
    await limited(desk)
    spike = desk.interval("a", hour(0), hour(1), "101")
    await desk.post(spike)
    answer = (await decided(desk, "reject", "the display was broken")).json()
    assert (answer["state"], answer["effect"]["refused"]) == (
        "rejected", {"rejected_in_review": 1},
    )  # fmt: skip
    await desk.post(spike)
    assert await desk.refusals() == {"a": ("rejected_in_review", "the display was broken")}
    assert await desk.parked() == {}
    assert (await desk.get("reviews", state="open"))["items"] == []
    await desk.post(desk.interval("a", hour(0), hour(1), "100"))
    assert await energy_mg(desk) == 100 * GRID_2022
    assert await desk.audit() == []


async def test_a_decision_is_made_once(desk: Any) -> None:
    await limited(desk)
    await desk.post(desk.interval("a", hour(0), hour(1), "101"))
    id = (await review(desk))["id"]
    first = await desk.http.post(f"/v1/reviews/{id}/reject", json={"note": "no"})
    assert first.status_code == 200
    for what in ("release", "reject"):
        second = await desk.http.post(f"/v1/reviews/{id}/{what}", json={"note": "yes"})
        assert second.status_code == 409
        assert second.json()["detail"] == f"The review {id} is rejected already"
    assert await desk.entries() == []


@pytest.mark.parametrize(
    ("path", "sent", "status", "detail"),
    [
        ("nothing/release", {"note": "x"}, 404, "There is no review 'nothing'"),
        ("nothing/release", {}, 422, "note"),
        ("nothing/reject", {"note": " "}, 422, "/note: expected 1 to 200 characters"),
        ("nothing/reject", {"note": "call 13812345678"}, 422, "/note: looks like a mobile number"),
    ],
)
async def test_a_wrong_decision_is_refused(
    desk: Any, path: str, sent: Any, status: int, detail: str
) -> None:
    answer = await desk.http.post(f"/v1/reviews/{path}", json=sent)
    assert answer.status_code == status
    assert detail in answer.json()["detail"]


async def test_reviews_are_listed_by_state_and_enterprise_in_pages(desk: Any) -> None:
    await limited(desk)
    await desk.post(*(desk.interval(str(n), hour(n), hour(n + 1), "500") for n in range(5)))
    await desk.http.post(
        f"/v1/reviews/{(await desk.get('reviews'))['items'][0]['id']}/reject", json={"note": "no"}
    )
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await desk.get("reviews", limit=2, enterprise_id=desk.enterprise, **cursor)
        seen += [item["event"]["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert sorted(seen) == ["0", "1", "2", "3", "4"]
    assert len((await desk.get("reviews", state="open"))["items"]) == 4
    assert len((await desk.get("reviews", state="rejected"))["items"]) == 1
    wrong = await desk.http.get("/v1/reviews?state=closed")
    assert wrong.json()["detail"] == (
        "/query/state: must be one of: open, released, rejected, lapsed"
    )
    assert (await desk.get("reviews", enterprise_id="91330000142927960N"))["items"] == []


async def test_a_held_reading_that_is_replaced_needs_no_decision(desk: Any) -> None:
    await limited(desk)
    await desk.post(desk.interval("a", hour(0), hour(1), "900"))
    await desk.post(desk.interval("c", hour(0), hour(1), "80", replaces="b"))
    assert set(await desk.parked()) == {"a", "c"}
    await desk.post(desk.interval("b", hour(0), hour(1), "90", replaces="a"))
    assert await facts(desk) == {"a": "replaced", "b": "replaced", "c": "posted"}
    assert await energy_mg(desk) == 80 * GRID_2022
    item = await review(desk)
    assert (item["state"], item["note"]) == (
        "released",
        "replaced by what was read or registered later",
    )
    assert await desk.parked() == {}
    assert await desk.audit() == []


async def test_a_chain_of_doubtful_readings_is_released_together(desk: Any) -> None:
    await limited(desk)
    await desk.post(desk.interval("a", hour(0), hour(1), "900"))
    await desk.post(
        desk.interval("b", hour(0), hour(1), "800", replaces="a"),
        desk.interval("c", hour(4), hour(5), "70", replaces="b"),
        desk.interval("d", hour(4), hour(5), "700", replaces="c"),
        desk.interval("e", hour(9), hour(10), "60", replaces="d"),
        desk.interval("f", hour(9), hour(10), "600", replaces="e"),
    )
    assert await desk.parked() == {"f": f"review:{await key(desk)}"}
    assert await energy_mg(desk) == 60 * GRID_2022
    effect = (await decided(desk, "release")).json()["effect"]
    assert effect["posted"] == 1
    assert await energy_mg(desk) == 600 * GRID_2022
    assert await desk.audit() == []


async def key(desk: Any) -> str:
    """The key of what is held."""
    [row] = await desk.app.state.pool.fetch("select encode(event_key, 'hex') from parked")
    return str(row[0])


async def test_what_replaces_a_rejected_reading_stands_by_itself(desk: Any) -> None:
    await limited(desk)
    await desk.post(desk.interval("a", hour(0), hour(1), "900"))
    await decided(desk, "reject")
    await desk.post(desk.interval("b", hour(0), hour(1), "90", replaces="a"))
    assert await energy_mg(desk) == 90 * GRID_2022
    assert await desk.parked() == {}
    assert await desk.audit() == []


async def test_what_waits_for_a_held_reading_comes_with_it(desk: Any) -> None:
    """A replacement that is about something else waits, and is refused for it."""
    await limited(desk)
    await desk.post(desk.register("b", hour(0), "90", replaces="a"))
    await desk.post(desk.interval("a", hour(0), hour(1), "900"))
    assert set(await desk.parked()) == {"a", "b"}
    effect = (await decided(desk, "release")).json()["effect"]
    assert effect == {"posted": 1, "parked": 0, "refused": {"wrong_target": 1}}
    assert await desk.audit() == []


async def test_a_held_replacement_leaves_its_target_standing(desk: Any) -> None:
    await limited(desk)
    await desk.post(desk.interval("a", hour(0), hour(1), "50"))
    await desk.post(desk.interval("b", hour(0), hour(1), "5000", replaces="a"))
    assert await energy_mg(desk) == 50 * GRID_2022
    await decided(desk, "release")
    assert await energy_mg(desk) == 5000 * GRID_2022
    assert await desk.audit() == []


async def test_a_released_reading_can_still_be_refused(desk: Any) -> None:
    await limited(desk)
    await desk.post(desk.interval("a", hour(0), hour(2), "500"))
    await desk.post(desk.interval("b", hour(1), hour(3), "5"))
    effect = (await decided(desk, "release")).json()["effect"]
    assert effect["refused"] == {"overlapping_interval": 1}
    assert await desk.parked() == {}
    assert await desk.audit() == []


async def test_what_is_held_no_longer_has_lapsed(desk: Any) -> None:
    await limited(desk)
    await desk.post(desk.interval("a", hour(0), hour(1), "500"))
    await desk.app.state.pool.execute("delete from parked")
    item = await review(desk, state="lapsed")
    answer = await desk.http.post(f"/v1/reviews/{item['id']}/release", json={"note": "late"})
    assert (answer.status_code, answer.json()["state"]) == (409, "lapsed")
    await desk.post(desk.interval("a", hour(0), hour(1), "600"))
    assert (await review(desk, state="lapsed"))["id"] == item["id"]
    assert "600 kWh per hour" in (await review(desk, state="open"))["detail"]


async def test_a_counter_that_ran_backwards_is_held_until_its_exchange_is_told(desk: Any) -> None:
    await ready(desk)
    await desk.post(desk.register("old", hour(0), "900"), desk.register("new", hour(9), "30"))
    item = await review(desk)
    assert (item["reason"], item["event"]["id"]) == ("register_backwards", "new")
    assert "'new'" in item["detail"] and "'old'" in item["detail"]
    await desk.post(desk.register("first", hour(5), "10", exchange="initial"))
    assert await energy_mg(desk) == 20 * GRID_2022
    await desk.post(desk.register("last", hour(5), "950", exchange="final"))
    assert await energy_mg(desk) == 70 * GRID_2022
    item = await review(desk)
    assert (item["state"], item["decided_by"], item["note"]) == (
        "released", None, "explained by what was read or registered later",
    )  # fmt: skip
    assert await desk.audit() == []


async def test_a_correction_releases_what_it_explains(desk: Any) -> None:
    await ready(desk)
    await desk.post(desk.register("typo", hour(0), "9000"), desk.register("next", hour(1), "910"))
    await desk.post(desk.register("right", hour(0), "900", replaces="typo"))
    assert await energy_mg(desk) == 10 * GRID_2022
    assert await desk.parked() == {}
    assert await desk.audit() == []


async def test_a_released_fall_of_a_counter_counts_as_an_exchange(desk: Any) -> None:
    await ready(desk)
    await desk.post(desk.register("old", hour(0), "900"))
    await desk.post(*(desk.register(f"new{n}", hour(n), str(10 * n)) for n in range(1, 5)))
    items = (await desk.get("reviews", state="open"))["items"]
    by_event = {item["event"]["id"]: item["id"] for item in items}
    assert set(by_event) == {"new1", "new2", "new3", "new4"}
    path = f"/v1/reviews/{by_event['new1']}/release"
    answer = await desk.http.post(path, json={"note": "meter swapped without a record"})
    assert answer.json()["effect"] == {"posted": 4, "parked": 0, "refused": {}}
    assert await energy_mg(desk) == 30 * GRID_2022
    assert await desk.parked() == {}
    assert (await desk.get("reviews", state="open"))["items"] == []
    assert await desk.audit() == []


async def test_what_is_held_survives_a_restart(desk: Any, empty_url: str) -> None:
    await limited(desk)
    await desk.post(desk.interval("a", hour(0), hour(1), "101"))
    app = create(Settings(database_url=empty_url, tanzhang_auth="off"), "api")
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://industrial") as http,
    ):
        [item] = (await http.get("/v1/reviews?state=open")).json()["items"]
        path = f"/v1/reviews/{item['id']}/release"
        answers = await asyncio.gather(*(http.post(path, json={"note": "ok"}) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert await energy_mg(desk) == 101 * GRID_2022
    assert await desk.audit() == []


async def test_a_reading_that_would_be_beaten_is_held_all_the_same(desk: Any) -> None:
    """Released after a better one came, it does not stand."""
    await limited(desk)
    await desk.post(desk.interval("a", hour(0), hour(1), "500", quality="estimated"))
    await desk.post(desk.interval("b", hour(0), hour(1), "40"))
    assert (await decided(desk, "release")).json()["effect"]["posted"] == 1
    assert await facts(desk) == {"a": "superseded", "b": "posted"}
    assert await energy_mg(desk) == 40 * GRID_2022


async def test_another_limit_is_tried_on_what_is_held(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter("m1", rate_max="1")
    events = [desk.interval(f"{n}", hour(n), hour(n + 1), f"{n + 10}") for n in range(4)]
    await desk.post(*events)
    assert len(await desk.parked()) == 4
    await desk.register_meter("m1", rate_max="12", valid_from="1900-01-01")
    assert len(await desk.parked()) == 1
    reviews = (await desk.get("reviews"))["items"]
    states = {item["event"]["id"]: item["state"] for item in reviews}
    assert states == {"0": "released", "1": "released", "2": "released", "3": "open"}
    assert await energy_mg(desk) == 33 * GRID_2022
    assert await desk.audit() == []
