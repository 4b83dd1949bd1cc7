"""What answers say of a farm beside its tonnes: evidence, size, intensity, coverage, figures."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from services.agri.app import create
from services.agri.audit import audit
from shared.database.migrations import migrate
from shared.events.envelope import decode
from shared.settings import Settings, SettingsError
from shared.stream import outbox
from tests.integration.agri.test_farms import BODY, FARM, GOLDEN, POWER, SOIL, STRAW, record

EVIDENCE = {"evidence": "scan/2020-17.pdf"}


class Agri:
    """The service, and records posted as its worker posts them."""

    def __init__(self, app: Any, http: httpx.AsyncClient) -> None:
        self.app, self.http = app, http

    async def post(self, *records: dict[str, Any]) -> None:
        events = [decode(msgspec.json.encode(one), strict=True) for one in records]
        state = self.app.state
        async with state.pool.acquire() as connection, connection.transaction():
            await state.poster.post(connection, events, state.clock())

    async def get(self, path: str) -> Any:
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
async def agri(database_url: str) -> AsyncIterator[Agri]:
    await migrate(database_url, "agri")
    settings = Settings(
        database_url=database_url,
        tanzhang_auth="off",
        tanzhang_farm_totals="breeding=28,planting=5",
    )
    app = create(settings, "api")
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://agri") as http,
    ):
        await http.put(f"/v1/farms/{FARM}", json=BODY)
        yield Agri(app, http)


async def test_size_and_intensity_stand_beside_the_tonnes(agri: Agri) -> None:
    await agri.post(*GOLDEN)
    account = await agri.get(f"/v1/farms/{FARM}/account?year=2020")
    assert (account["area_ha"], account["heads"]) == ("442.08", "700.000000")
    assert account["intensity"] == {
        "gross_t_per_ha": "1.380067",
        "gross_t_per_head": "0.871571",
        "neutralised_t_per_ha": "2.486219",
        "neutralised_t_per_100_heads": "157.015402",
    }


async def test_an_empty_year_has_no_intensity(agri: Agri) -> None:
    account = await agri.get(f"/v1/farms/{FARM}/account?year=2019")
    assert (account["area_ha"], account["heads"]) == ("0", "0.000000")
    assert set(account["intensity"].values()) == {None}
    assert account["quality"] == {"records": 0, "with_evidence": 0, "evidence_share": None}


async def test_the_state_carries_the_size(agri: Agri) -> None:
    await agri.post(*GOLDEN)
    moved = BODY | {"district": "jiangshan"}
    await agri.http.put(f"/v1/farms/{FARM}", json=moved)
    async with agri.app.state.pool.acquire() as connection:
        rows = await outbox.waiting(connection, 100)
    states: list[Any] = [decode(raw, strict=False).data for row in rows for _, raw in row[2]]
    assert [str(state.area_ha) for state in states] == ["442.08", "442.08"]
    assert [state.head_days for state in states] == [700 * 366, 700 * 366]


async def test_documents_and_the_records_that_name_them(agri: Agri) -> None:
    wrong = record("wrong", STRAW | EVIDENCE, straw_kg_per_ha="19200")
    right = record("right", STRAW, straw_kg_per_ha="1920", replaces="wrong", evidence="scan/2.pdf")
    power = record("power", POWER | EVIDENCE)
    none = record("none", POWER)
    await agri.post(wrong)
    await agri.post(right, power, none)
    first = await agri.get(f"/v1/farms/{FARM}/documents?limit=1")
    second = await agri.get(f"/v1/farms/{FARM}/documents?limit=1&cursor={first['next']}")
    assert second["next"] is None
    found = {item["evidence"]: item["records"] for item in first["items"] + second["items"]}
    assert set(found) == {"scan/2020-17.pdf", "scan/2.pdf"}
    named = {one["event"]["id"]: one["replaced"] for one in found["scan/2020-17.pdf"]}
    assert named == {"wrong": True, "power": False}
    assert not (await agri.get(f"/v1/farms/{FARM}/documents?year=2019"))["items"]
    entries = (await agri.get(f"/v1/farms/{FARM}/entries"))["items"]
    shown = {(entry["event"]["id"], entry["evidence"]) for entry in entries}
    assert shown == {
        ("wrong", "scan/2020-17.pdf"),
        ("right", "scan/2.pdf"),
        ("power", "scan/2020-17.pdf"),
        ("none", None),
    }
    account = await agri.get(f"/v1/farms/{FARM}/account?year=2020")
    assert account["quality"] == {
        "records": 3,
        "with_evidence": 2,
        "evidence_share": "0.666667",
    }


async def test_long_evidence_does_not_end_the_pages(agri: Agri) -> None:
    long = "证" * 500
    await agri.post(
        record("a", POWER, evidence=long + "a"), record("b", POWER, evidence=long + "b")
    )
    first = await agri.get(f"/v1/farms/{FARM}/documents?limit=1")
    second = await agri.get(f"/v1/farms/{FARM}/documents?limit=1&cursor={first['next']}")
    assert len({item["evidence"] for item in first["items"] + second["items"]}) == 2


async def test_terms_of_a_record_are_entries_of_their_own(agri: Agri) -> None:
    burnt = record("s", STRAW, straw_kg_per_ha="1920", crop="rice", burnt_before="0.5")
    await agri.post(burnt)
    items = (await agri.get(f"/v1/farms/{FARM}/entries"))["items"]
    assert {item["rule"] for item in items} == {"straw.regression", "straw.burning.rice"}
    account = await agri.get(f"/v1/farms/{FARM}/account?year=2020")
    # 613.506107433 + 700.3392 t of straw x half of 75.32 kg.
    assert account["straw_t"] == "639.880881705"
    async with agri.app.state.pool.acquire() as connection:
        assert not await audit(connection)


async def test_the_months_of_a_further_return_are_right_to_the_audit(agri: Agri) -> None:
    """The difference of two rounded sums, rounded by months: 1.88 mg beside quantity x factor."""
    first = record("a", STRAW, straw_kg_per_ha="1251.579", area_ha="58.1063")
    days = {"start": "2020-05-31", "end": "2020-07-02"}
    await agri.post(first | {"time": "2020-01-01T00:00:00Z"})
    await agri.post(record("b", STRAW | days, straw_kg_per_ha="273.790", area_ha="58.1063"))
    async with agri.app.state.pool.acquire() as connection:
        assert not await audit(connection)
        change = "update ledger_entry set factor = factor * 1.0001 where month = '2020-06-01'"
        await connection.execute(change)
        assert len(await audit(connection)) == 2


async def test_a_record_that_moves_takes_its_year_along(agri: Agri) -> None:
    next_year = {"start": "2021-01-01", "end": "2022-01-01"}
    await agri.post(record("right", SOIL), record("wrong", POWER | next_year))
    assert (await agri.get(f"/v1/farms/{FARM}/account"))["year"] == 2021
    await agri.post(record("moved", POWER, replaces="wrong"))
    assert (await agri.get(f"/v1/farms/{FARM}/account"))["year"] == 2020
    for year, covered in ((2020, 1), (2021, 0)):
        region = await agri.get(f"/v1/region/summary?year={year}")
        assert (region["with_account"], region["farms"]) == (covered, 1)
        assert region["by_type"]["breeding"]["with_account"] == covered
        assert region["by_district"]["kecheng"]["with_account"] == covered
    assert region["gross_t"] == "0"


async def test_a_refusal_names_the_successor_in_another_year(agri: Agri) -> None:
    next_year = {"start": "2021-01-01", "end": "2022-01-01"}
    await agri.post(record("a", POWER))
    await agri.post(record("b", POWER | next_year, replaces="a"))
    await agri.post(record("c", POWER, replaces="a"))
    [letter] = await agri.app.state.pool.fetch("select reason, detail from dead_letter")
    assert letter["reason"] == "already_replaced"
    assert letter["detail"] == (
        "/data/replaces: 'urn:bureau:qz a' has been replaced already, by 'urn:bureau:qz b'; "
        "name that one"
    )


async def test_a_twenty_first_share_of_a_change_is_refused(agri: Agri) -> None:
    last_year = {"start": "2040-01-01", "end": "2041-01-01"}
    await agri.post(record("first", SOIL, since=2020))
    await agri.post(record("last", SOIL | last_year, since=2020))
    [letter] = await agri.app.state.pool.fetch("select reason, detail from dead_letter")
    assert letter["reason"] == "change_too_old"
    assert "qz last" in letter["detail"] and "qz first" in letter["detail"]


async def test_entries_mark_a_factor_that_stands_in(agri: Agri) -> None:
    await agri.post(record("power", POWER), record("soil", SOIL))
    items = (await agri.get(f"/v1/farms/{FARM}/entries"))["items"]
    marks = {item["pathway"]: (item["fallback"], item["warning"]) for item in items}
    assert marks["soil"] == (False, None)
    assert marks["gross"][0] is True
    assert marks["gross"][1]["en"].startswith("no factor of zhejiang up to 2020")
    assert "2020" in marks["gross"][1]["zh"]


async def test_coverage_of_the_city_by_type(agri: Agri) -> None:
    for n in range(2):
        await agri.http.put(f"/v1/farms/farm:pigs-{n:08}", json=BODY)
    await agri.post(*GOLDEN)
    found = (await agri.get("/v1/region/summary?year=2020"))["by_type"]
    breeding = found["breeding"]
    assert (breeding["farms"], breeding["with_account"], breeding["coverage"]) == (
        3,
        1,
        "0.333333",
    )
    # Three of 28 are the published 10.7 %.
    assert breeding["city"] == {
        "farms": 28,
        "registered": "0.107143",
        "coverage": "0.035714",
        "published_coverage": "0.107000",
    }
    assert found["planting"]["farms"] == 0
    assert found["planting"]["city"]["published_coverage"] == "0.200000"
    assert found["organic_fertiliser"]["city"] == {
        "farms": None,
        "registered": None,
        "coverage": None,
        "published_coverage": "1.000000",
    }


def test_farms_of_the_city_written_wrongly_stop_the_service() -> None:
    settings = Settings(tanzhang_auth="off", tanzhang_farm_totals="planting=few")
    with pytest.raises(SettingsError, match="TANZHANG_FARM_TOTALS: planting: expected a whole"):
        create(settings, "api")


async def test_the_catalogue_names_words_figures_and_sources(agri: Agri) -> None:
    found = await agri.get("/v1/catalogue?year=2020")
    assert (found["edition"], found["gwp"]) == ("2019", {"set": "AR5", "CH4": "28", "N2O": "265"})
    assert [one["name"] for one in found["pathways"]] == [
        "straw_return",
        "soil_carbon",
        "manure_utilisation",
        "emission",
    ]
    [lac] = [one for one in found["soil"] if one["name"] == "LAC"]
    assert (lac["value"], lac["editions"]) == ("55", {"2019": "55", "2006": "63"})
    assert lac["unit"] == "t C/ha" and {one["unit"] for one in found["tillage"]} == {None}
    [paddy] = found["paddy"]
    assert (paddy["ch4_kg_per_ha_day"], paddy["days"], paddy["confidence"]) == ("1.32", 112, "R")
    assert (paddy["exponent"], paddy["cfoa_short"], paddy["cfoa_long"]) == ("0.59", "1", "0.19")
    assert (lac["name_zh"], lac["confidence"], lac["note"]) == ("低活性黏土", "V2", "red soils")
    [straw] = [one for one in found["straw"] if one["used"]]
    assert (straw["slope"], straw["intercept"], straw["confidence"]) == ("43.548", "375.1", "R")
    sources = {one["name"]: one for one in found["sources"]}
    assert sources["diesel"]["factor"]["set"] == "fuels_b"
    assert sources["electricity"]["factor"]["warning"]
    nitrogen = sources["fertiliser_n"]["factor"]
    assert (nitrogen["t_per_unit"], nitrogen["version"]) == (
        "8.4035285714285714286",
        "1+IPCC2019+AR5",
    )
    pit = sources["manure.growing_pig.pit_long"]
    assert (pit["units"], pit["factor"]["confidence"]) == (["head"], "V")
    named = [
        one
        for name in ("soil", "land_use", "tillage", "input", "crops", "animals", "systems")
        for one in found[name]
    ] + found["sources"]
    assert all(one["name_en"] and one["name_zh"] for one in named)


async def test_a_year_out_of_reach_is_refused(agri: Agri) -> None:
    answer = await agri.http.get("/v1/catalogue?year=1800")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/query/year"
