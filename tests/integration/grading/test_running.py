"""The service as it runs: over Kafka, and asking another service over a socket."""

from collections.abc import Callable
from typing import Any

import httpx
import msgspec

from services.grading import app as grading_app
from services.industrial import app as industrial_app
from shared.database.migrations import migrate
from shared.events.envelope import Event
from shared.settings import Settings
from tests.serving import PATIENCE, serving

Enterprise = Callable[..., Event]
ID = "91330800704206161W"
REGISTERED = "91350100M000100Y43"


async def test_states_over_kafka_become_label_changes(
    start: Any,
    publish: Any,
    client: Any,
    eventually: Any,
    read_topic: Any,
    enterprise: Enterprise,
    farm: Callable[..., Event],
) -> None:
    app = await start("grading")
    states = [enterprise(months_energy=4), enterprise(sequence=2), enterprise()]
    await publish("industrial-accounts", [msgspec.json.decode(state.raw) for state in states])
    await publish("agri-accounts", [msgspec.json.decode(farm().raw)])
    body = {"product": "xylitol", "unit": "t", "benchmark": "0.11", "kind": "norm", "source": "x"}
    async with client(app) as http:
        await http.put("/v1/benchmarks/1495/2020", json=body)

        async def graded() -> bool:
            answers = [
                await http.get(f"/v1/labels/{account}")
                for account in (f"industrial/{ID}", "agri/farm:sanyi")
            ]
            labels = [a.json().get("label") for a in answers]
            return labels == ["light_green", "deep_green"]

        await eventually(graded)

    async def announced() -> Any:
        found = await read_topic("label-changes")
        last = {event["subject"]: event["data"]["current"]["label"] for event in found}
        wanted = {f"industrial:{ID}": "light_green", "agri:farm:sanyi": "deep_green"}
        return last == wanted and found

    assert await eventually(announced)


async def test_a_passport_gathers_the_account(database_url: str, enterprise: Enterprise) -> None:
    for name in ("industrial", "grading"):
        await migrate(database_url, name)
    settings = Settings(database_url=database_url, tanzhang_auth="off")
    async with serving(industrial_app.create(settings, "api")) as industrial:
        async with httpx.AsyncClient(base_url=industrial, timeout=PATIENCE) as http:
            registered = await http.put(
                f"/v1/enterprises/{REGISTERED}",
                json={
                    "name": "a sugar alcohol works",
                    "sector": "1495",
                    "district": "kaihua",
                    "grid_region": "zhejiang",
                    "product": "xylitol",
                    "product_unit": "t",
                },
            )
            assert registered.is_success, registered.text
        settings = msgspec.structs.replace(settings, tanzhang_industrial_url=industrial)
        app = grading_app.create(settings, "api")
        async with (
            serving(app) as grading,
            httpx.AsyncClient(base_url=grading, timeout=PATIENCE) as http,
        ):
            app.state.client.timeout = PATIENCE
            found = (await http.get(f"/v1/passports/industrial/{REGISTERED}")).json()
            unknown = await http.get("/v1/passports/industrial/nobody")
    assert (found["partial"], found["missing"], found["label"]) == (False, [], None)
    assert found["account"]["product_unit"] == "t"
    assert found["policy"]["id"] == "industrial.ungraded"
    assert found["evidence"]["count"] == 0
    assert unknown.status_code == 404
