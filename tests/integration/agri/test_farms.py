"""Farm records in over Kafka, tonnes in the ledger, states out; the registry over HTTP."""

from collections.abc import Iterable
from typing import Any

import prometheus_client
import pytest

from services.agri.audit import audit
from shared.database import migrations
from shared.settings import Settings
from tests.integration.conftest import Eventually, Publish, Start

FARM = "farm:sanyiyi"
BODY = {"name": "三易易", "type": "breeding", "district": "kecheng"}
YEAR = {"start": "2020-01-01", "end": "2021-01-01"}
STRAW = {"pathway": "straw_return", "parcel_id": "fields", "area_ha": "364.76", **YEAR}
SOIL = {
    "pathway": "soil_carbon",
    "parcel_id": "orchard",
    "area_ha": "77.32",
    "soil": "LAC",
    "land_use": "perennial",
    "tillage_before": "full",
    "tillage_after": "full",
    "input_before": "medium",
    "input_after": "high_manure",
    **YEAR,
}
MANURE = {
    "pathway": "manure_utilisation",
    "parcel_id": "barn",
    "animal": "growing_pig",
    "heads": 700,
    "system_before": "pit_long",
    "system_after": "digester",
    **YEAR,
}
POWER = {
    "pathway": "emission",
    "parcel_id": "barn",
    "source": "electricity",
    "quantity": "1000",
    "unit": "MWh",
    **YEAR,
}


def record(id: str, data: dict[str, Any], subject: str = FARM, **more: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "type": "cn.tanzhang.farm.record.v1",
        "source": "urn:bureau:qz",
        "id": id,
        "subject": subject,
        "time": "2021-01-10T08:00:00+08:00",
        "data": data | more,
    }


GOLDEN = [
    record("straw", STRAW, straw_kg_per_ha="1920"),
    record("soil", SOIL),
    record("manure", MANURE),
    record("power", POWER),
]


async def posted(app: Any, ids: Iterable[str]) -> bool:
    """Whether all these records are in the journal."""
    wanted = set(ids)
    rows = await app.state.pool.fetch("select event_id from fact")
    return wanted <= {row[0] for row in rows}


async def findings(app: Any) -> list[Any]:
    async with app.state.pool.acquire() as connection:
        return await audit(connection)


async def test_the_published_farm(
    start: Start, publish: Publish, client: Any, eventually: Eventually, read_topic: Any
) -> None:
    app = await start("agri")
    async with client(app) as http:
        assert (await http.put(f"/v1/farms/{FARM}", json=BODY)).status_code == 201
        await publish("farm-records", [*GOLDEN, GOLDEN[0]])
        await eventually(lambda: posted(app, ["straw", "soil", "manure", "power"]))
        account = (await http.get(f"/v1/farms/{FARM}/account?year=2020")).json()
        latest = (await http.get(f"/v1/farms/{FARM}/account")).json()
        region = (await http.get("/v1/region/summary?year=2020")).json()
    assert account == latest
    assert account["straw_t"] == "613.506107433"
    assert account["soil_t"] == "246.991008"
    assert account["manure_t"] == "238.61069883"
    assert account["neutralised_t"] == "1099.107814263"
    assert account["gross_t"] == "610.1"
    assert account["ratio"] == "1.801521"
    assert region["neutralised_t"] == "1099.107814263"
    assert region["by_type"]["breeding"]["coverage"] == "1.000000"
    assert region["by_district"]["kecheng"]["with_account"] == 1

    async def emitted() -> Any:
        found = await read_topic("agri-accounts")
        return found if found and found[-1]["data"]["gross_t"] == "610.1" else None

    states = await eventually(emitted)
    assert states[-1]["subject"] == FARM
    assert states[-1]["data"]["neutralised_t"] == "1099.107814263"
    assert [s["data"]["sequence"] for s in states] == list(range(1, len(states) + 1))
    assert not await findings(app)


def counted() -> float:
    """How many events this process says it has posted."""
    own = {"service": "agri"}
    return prometheus_client.REGISTRY.get_sample_value("tanzhang_events_posted_total", own) or 0


async def test_records_wait_for_the_registration(
    start: Start, publish: Publish, client: Any, eventually: Eventually, read_topic: Any
) -> None:
    app = await start("agri")
    await publish("farm-records", GOLDEN)

    async def parked() -> bool:
        return bool(await app.state.pool.fetchval("select count(*) from parked") == len(GOLDEN))

    await eventually(parked)
    async with client(app) as http:
        assert (await http.get(f"/v1/farms/{FARM}/account")).status_code == 404
        before = counted()
        assert (await http.put(f"/v1/farms/{FARM}", json=BODY)).status_code == 201
        assert counted() == before + len(GOLDEN)
        account = (await http.get(f"/v1/farms/{FARM}/account?year=2020")).json()
        assert account["neutralised_t"] == "1099.107814263"
        assert not await app.state.pool.fetchval("select count(*) from parked")
        moved = BODY | {"district": "jiangshan", "valid_from": "2020-07-01"}
        assert (await http.put(f"/v1/farms/{FARM}", json=moved)).status_code == 200
        assert (await http.put(f"/v1/farms/{FARM}", json=moved)).status_code == 200
        farm = (await http.get(f"/v1/farms/{FARM}")).json()
    assert farm["district"] == "jiangshan"
    assert [v["district"] for v in farm["versions"]] == ["kecheng", "jiangshan"]

    async def emitted() -> Any:
        found = await read_topic("agri-accounts")
        return found if len(found) == 2 else None

    before, after = await eventually(emitted)
    assert (before["data"]["district"], after["data"]["district"]) == ("kecheng", "jiangshan")
    assert before["data"]["neutralised_t"] == after["data"]["neutralised_t"]


async def test_corrections_and_refusals(
    start: Start, publish: Publish, client: Any, eventually: Eventually
) -> None:
    app = await start("agri")
    wrong = record("wrong", STRAW, straw_kg_per_ha="19200")
    right = record("right", STRAW, straw_kg_per_ha="1920", replaces="wrong", paddy=True)
    clash = record("clash", SOIL, parcel_id="fields")
    async with client(app) as http:
        await http.put(f"/v1/farms/{FARM}", json=BODY)
        await publish("farm-records", [right, wrong, clash])
        await eventually(lambda: posted(app, ["wrong", "right"]))

        async def refused() -> Any:
            return await app.state.pool.fetch("select reason, detail from dead_letter")

        [letter] = await eventually(refused)
        assert letter["reason"] == "parcel_exclusive"
        assert "qz clash" in letter["detail"] and "'fields' in 2020" in letter["detail"]
        account = (await http.get(f"/v1/farms/{FARM}/account?year=2020")).json()
        assert account["straw_t"] == "613.506107433"
        # 3.65 t/ha of methane by the short interval: shown, not deducted.
        assert account["paddy_penalty_t"].startswith("1331.")
        items: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            query = f"?limit=5&cursor={cursor}" if cursor else "?limit=5"
            page = (await http.get(f"/v1/farms/{FARM}/entries{query}")).json()
            items, cursor = items + page["items"], page["next"]
    assert not await findings(app)
    assert len({(i["event"]["id"], i["line"]) for i in items}) == len(items)
    reversals = [i for i in items if i["reverses"]]
    assert {(i["event"]["id"], i["cause"]["id"]) for i in reversals} <= {("wrong", "right")}
    assert {i["factor_set"] for i in items} == {"agri"}


async def test_the_audit_finds_what_was_tampered_with(
    start: Start, publish: Publish, client: Any, eventually: Eventually
) -> None:
    app = await start("agri")
    async with client(app) as http:
        await http.put(f"/v1/farms/{FARM}", json=BODY)
    await publish("farm-records", GOLDEN)
    await eventually(lambda: posted(app, ["power"]))
    await app.state.pool.execute(
        "update ledger_entry set amount_mg = amount_mg + 5 where pathway = 'soil' and line = 1"
    )
    [group, balance] = await findings(app)
    assert group.what.startswith("soil_carbon 2020 parcel orchard")
    assert (group.expected, group.found) == ("246991008000 mg", "246991008005 mg")
    assert balance.what == "balance"
    await app.state.pool.execute(
        "update ledger_entry set amount_mg = amount_mg - 5 where pathway = 'soil' and line = 2"
    )
    [months] = await findings(app)
    assert months.what.startswith("soil_carbon 2020 parcel orchard")


async def test_the_order_of_arrival_changes_nothing(
    start: Start, publish: Publish, client: Any, eventually: Eventually
) -> None:
    app = await start("agri")
    farms = ["farm:first", "farm:second"]
    events = [
        ("a", {"straw_kg_per_ha": "9000"}, "2020-03-01T00:00:00Z"),
        ("b", {"straw_kg_per_ha": "7000"}, "2020-06-01T00:00:00Z"),
        ("c", {"straw_kg_per_ha": "500", "replaces": "b"}, "2020-09-01T00:00:00Z"),
        ("d", {"straw_kg_per_ha": "3000"}, "2020-02-01T00:00:00Z"),
    ]
    async with client(app) as http:
        for farm, sent in zip(farms, (events, events[::-1]), strict=True):
            await http.put(f"/v1/farms/{farm}", json=BODY)
            for id, data, time in sent:
                await publish("farm-records", [record(id, STRAW | data, farm) | {"time": time}])
        await eventually(lambda: count(app, 8))
        accounts = [
            (await http.get(f"/v1/farms/{farm}/account?year=2020")).json() for farm in farms
        ]
    assert accounts[0] | {"farm_id": ""} == accounts[1] | {"farm_id": ""}
    sums = await app.state.pool.fetch(
        "select event_key, sum(amount_mg) from ledger_entry group by account, event_key"
        " having sum(amount_mg) <> 0"
    )
    assert len(sums) == 6 and len(set(sums)) == 3
    assert not await findings(app)


async def count(app: Any, facts: int) -> bool:
    return bool(await app.state.pool.fetchval("select count(*) from fact") == facts)


@pytest.mark.parametrize(
    ("path", "body", "status", "where"),
    [
        (FARM, BODY | {"type": "fishing"}, 422, "/type"),
        (FARM, BODY | {"size": 3}, 422, "/size"),
        (FARM, {"name": "x", "type": "planting"}, 422, "/district"),
        (FARM, BODY | {"name": ""}, 422, "/name"),
        (FARM, BODY | {"name": "call 13800138000"}, 422, "/name"),
        ("someone", BODY, 422, "/path/farm_id"),
        ("farm:13800138000", BODY, 422, "/path/farm_id"),
    ],
)
async def test_bad_registrations(
    start: Start, client: Any, path: str, body: dict[str, Any], status: int, where: str
) -> None:
    app = await start("agri", "api")
    async with client(app) as http:
        answer = await http.put(f"/v1/farms/{path}", json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert [e["pointer"] for e in answer.json()["errors"]] == [where]


async def test_unknown_farms_and_empty_accounts(start: Start, client: Any) -> None:
    app = await start("agri", "api")
    async with client(app) as http:
        for rest in ("", "/account", "/entries"):
            assert (await http.get(f"/v1/farms/{FARM}{rest}")).status_code == 404
        await http.put(f"/v1/farms/{FARM}", json=BODY)
        account = (await http.get(f"/v1/farms/{FARM}/account?year=2020")).json()
        entries = (await http.get(f"/v1/farms/{FARM}/entries")).json()
        region = (await http.get("/v1/region/summary?year=2020")).json()
    assert (account["neutralised_t"], account["ratio"]) == ("0", None)
    assert entries == {"items": [], "next": None}
    assert region["by_type"]["breeding"]["coverage"] == "0.000000"


async def test_tables_and_migrations_agree(database_url: str, settings: Settings) -> None:
    await migrations.migrate(database_url, "agri")
    await migrations.check(database_url, "agri")
