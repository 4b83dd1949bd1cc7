"""The agricultural service against its OpenAPI document."""

from tests.deploy.openapi.conftest import Start, event
from tests.deploy.openapi.fuzzing import Ways

WAYS = Ways(beyond_schema=["PUT /v1/farms/{farm_id}"])
FARM = "farm:0001"
YEAR = {"start": "2020-01-01", "end": "2021-01-01", "evidence": "scan/2020-17.pdf"}
STRAW = {
    "pathway": "straw_return",
    "parcel_id": "p-1",
    "area_ha": "364.76",
    "straw_kg_per_ha": "1920",
}
MANURE = {
    "pathway": "manure_utilisation",
    "parcel_id": "barn",
    "animal": "growing_pig",
    "heads": 700,
    "system_before": "pit_long",
    "system_after": "digester",
}


async def test_every_answer_is_as_documented(start: Start) -> None:
    agri = await start("agri")
    farm = {"name": "North farm", "type": "breeding", "district": "kaihua"}
    await agri.ask("PUT", f"/v1/farms/{FARM}", farm)
    await agri.post(
        event("farm.record", "straw", FARM, STRAW | YEAR),
        event("farm.record", "manure", FARM, MANURE | YEAR),
    )
    report = await agri.fuzz(WAYS)
    assert report.code == 0, report.text
    assert report.never_good() == []
