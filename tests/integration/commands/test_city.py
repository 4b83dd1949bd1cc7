"""A small city through the door: what the services book is what was promised."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from shared.units.amount import grams_text, tonnes_text
from tanzhang.posting import PostingError, client, post_events
from tanzhang.simulation import City, Registration, city
from tanzhang.simulation.registering import register


async def post(made: City, ingest_url: str, *types: str) -> int:
    """Post the city's events whose types begin so; all must be taken. Returns how many."""
    prefixes = tuple(f"cn.tanzhang.{name}" for name in types)
    events = (
        posting.event for posting in made.events() if posting.event["type"].startswith(prefixes)
    )
    async with client(ingest_url, None) as door:
        posted = await post_events(door, events)
    assert posted.accepted == posted.sent > 0
    return posted.accepted


async def all_posted(app: Any, count: int, eventually: Any) -> None:
    """Wait until the service has read `count` events; none may be set aside."""
    pool = app.state.pool

    async def read() -> bool:
        found = await pool.fetchval("select coalesce(sum(next_offset), 0) from consumer_offset")
        return bool(found >= count)

    await eventually(read)
    assert await pool.fetch("select reason, detail from dead_letter") == []
    assert await pool.fetch("select waits_for from parked") == []


async def answer(url: str, path: str) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as http:
        response = await http.get(path)
    return dict(response.json()) if response.status_code == 200 else {}


async def test_all_payments_add_up_to_what_the_oracle_says(
    start: Any, serve: Any, ingest_url: str, eventually: Any
) -> None:
    made = city(21, enterprises=1, farms=1, customers=300, payments=3000)
    app = await start("personal")
    url = await serve(app)
    await all_posted(app, await post(made, ingest_url, "payment"), eventually)
    totals = made.payment_oracle()
    summary = await answer(url, "/v1/region/summary")
    assert summary["reduction_t"] == tonnes_text(totals.total_mg)
    by_scenario = {item["code"]: item["reduction_g"] for item in summary["scenarios"]}
    assert by_scenario == {name: grams_text(mg) for name, mg in totals.mg.items()}
    golden = await answer(url, f"/v1/accounts/{made.expected.customer}")
    assert golden["reduction_g"] == made.expected.reduction_g


async def test_golden_enterprise_before_and_after_its_reduction(
    start: Any, serve: Any, ingest_url: str, eventually: Any
) -> None:
    made = city(21, enterprises=25, farms=1, customers=0, payments=0)
    expected = made.expected
    app = await start("industrial")
    url = await serve(app)
    ours = [one for one in made.registry() if one.service == "industrial"]
    assert await register(ours, {"industrial": url}, None) == len(ours)
    sent = await post(made, ingest_url, "meter.", "production.", "economic.", "process.")
    await all_posted(app, sent, eventually)
    path = f"/v1/enterprises/{expected.enterprise}/account?year={expected.year}"

    async def reaches(figures: dict[str, str]) -> bool:
        account = await answer(url, path)
        return all(account.get(name) == value for name, value in figures.items())

    assert await reaches(dict(expected.before))
    account = await answer(url, path)
    assert str(round(Decimal(account["intensity"]), 4)) == expected.before_intensity
    assert (account["months_energy"], account["months_output"]) == (12, 12)

    async with client(ingest_url, None) as door:
        await post_events(door, made.golden_events_after())
    await eventually(lambda: reaches(dict(expected.after)))
    account = await answer(url, path)
    assert str(round(Decimal(account["intensity"]), 4)) == expected.after_intensity


async def test_golden_farm(start: Any, serve: Any, ingest_url: str, eventually: Any) -> None:
    made = city(21, enterprises=1, farms=180, customers=0, payments=0)
    expected = made.expected
    app = await start("agri")
    url = await serve(app)
    ours = [one for one in made.registry() if one.service == "agri"]
    assert await register(ours, {"agri": url}, None) == 180
    await all_posted(app, await post(made, ingest_url, "farm."), eventually)
    account = await answer(url, f"/v1/farms/{expected.farm}/account?year={expected.year}")
    for name, value in expected.farm_tonnes:
        assert str(round(Decimal(account[name]), 1)) == value


async def test_a_refused_registration_says_which_and_why(start: Any, serve: Any) -> None:
    url = await serve(await start("industrial", "api"))
    wrong = Registration("industrial", "/v1/enterprises/123", {"name": "?"})
    with pytest.raises(PostingError, match=r"PUT http://.*/v1/enterprises/123: 422 "):
        await register([wrong], {"industrial": url}, None)


async def test_every_colour_and_every_green_is_given(
    start: Any, serve: Any, ingest_url: str, eventually: Any
) -> None:
    made = city(21, enterprises=60, farms=40, customers=0, payments=0)
    apps = {name: await start(name) for name in ("industrial", "agri", "grading")}
    urls = {name: await serve(app) for name, app in apps.items()}
    ours = [one for one in made.registry() if one.service in urls]
    assert await register(ours, urls, None) == len(ours)
    farm_events = await post(made, ingest_url, "farm.")
    sent = await post(made, ingest_url, "meter.", "production.", "economic.", "process.")
    await all_posted(apps["agri"], farm_events, eventually)
    await all_posted(apps["industrial"], sent, eventually)

    async def labels(kind: str) -> set[str]:
        found = await answer(urls["grading"], f"/v1/labels?kind={kind}&limit=1000")
        return {item["label"] for item in found["items"]}

    async def all_colours() -> bool:
        return await labels("industrial") >= {
            "deep_green", "light_green", "yellow", "red", "ungraded",
        }  # fmt: skip

    async def all_greens() -> bool:
        return await labels("agri") >= {"deep_green", "medium_green", "light_green"}

    await eventually(all_colours)
    await eventually(all_greens)
    expected = made.expected
    async with client(ingest_url, None) as door:
        await post_events(door, made.golden_events_after())

    async def golden_label() -> bool:
        path = f"/v1/labels/industrial/{expected.enterprise}?year={expected.year}"
        label = await answer(urls["grading"], path)
        if label.get("label") != expected.label:
            return False
        return str(round(Decimal(label["intensity"]), 4)) == expected.after_intensity

    await eventually(golden_label)
