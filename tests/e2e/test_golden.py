"""The published figures, from hand-written requests to the last digit."""

from decimal import Decimal
from typing import Any

from tests.e2e.city import City
from tests.e2e.events import Author

ORCHARD: dict[str, Any] = {
    "pathway": "soil_carbon",
    "parcel_id": "orchard",
    "area_ha": "77.32",
    "soil": "LAC",
    "land_use": "perennial",
    "tillage_before": "full",
    "tillage_after": "full",
    "input_before": "medium",
    "input_after": "high_manure",
    "since": 2020,
}
BARN: dict[str, Any] = {
    "pathway": "manure_utilisation",
    "parcel_id": "barn",
    "animal": "growing_pig",
    "heads": "700",
    "system_before": "pit_long",
    "system_after": "digester",
}
BENCHMARK = {
    "unit": "t",
    "benchmark": "0.1100",
    "cuts": {"deep_green": "0.80", "light_green": "1.00", "yellow": "1.20"},
    "kind": "published",
    "source": "worked example",
}


def places(text: str, count: int) -> str:
    return format(Decimal(text), f".{count}f")


async def test_1_and_2_an_enterprise_before_and_after_its_reduction(
    city: City, author: Author
) -> None:
    product = f"xylitol-{author.name}"
    await city.register_enterprise(author, product=product)
    path = f"/v1/benchmarks/1495/2020?product={product}"
    await city.put("grading", path, product=product, **BENCHMARK)

    await city.send(
        author.activity(activity="direct.energy_co2", quantity="11659.61"),
        author.activity(activity="direct.co2", quantity="2491.14"),
        author.production(product, "137120"),
    )

    async def account() -> dict[str, Any]:
        return await city.industrial(author, 2020)

    async def label() -> dict[str, Any]:
        return await city.get("grading", f"/v1/labels/industrial/{author.enterprise}?year=2020")

    parts = {"energy_t": "11659.61", "process_t": "2491.14", "output": "137120"}
    before = await city.shows(account, **parts, avoided_t="0", total_t="14150.75")
    assert (before["intensity"], places(before["intensity"], 4)) == ("0.103200", "0.1032")
    assert (before["months_energy"], before["months_output"]) == (12, 12)

    await city.send(author.activity(activity="direct.avoided_co2", quantity="275.51"))

    after = await city.shows(account, **parts, avoided_t="275.51", total_t="13875.24")
    assert (after["intensity"], places(after["intensity"], 4)) == ("0.101190", "0.1012")
    graded = await city.shows(label, label="light_green", intensity="0.101190")
    assert (graded["label_zh"], graded["benchmark"]) == ("浅绿", "0.11")
    assert (graded["ratio"], places(graded["ratio"], 3)) == ("0.919914", "0.920")


async def test_3_a_farm(city: City, author: Author) -> None:
    await city.register_farm(author)

    await city.send(
        author.straw(area_ha="364.76", straw_kg_per_ha="1920"),
        author.farm_record(**ORCHARD),
        author.farm_record(**BARN),
    )

    async def account() -> dict[str, Any]:
        return await city.agri(author, 2020)

    exact = {"straw_t": "613.506107433", "soil_t": "246.991008", "manure_t": "238.61069883"}
    found = await city.shows(account, **exact, neutralised_t="1099.107814263")
    names = ("straw_t", "soil_t", "manure_t", "neutralised_t")
    assert [places(found[name], 1) for name in names] == ["613.5", "247.0", "238.6", "1099.1"]


async def test_4_one_transfer(city: City, author: Author) -> None:
    await city.send(author.payment())

    await city.shows(lambda: city.personal(author.person()), reduction_g="23.096")
    await city.shows(lambda: city.points(author.person()), balance="23.096")


async def test_6_a_tonne_of_diesel(city: City, author: Author) -> None:
    await city.register_enterprise(author, sector="3120")
    await city.register_meter(author, carrier="diesel", unit="t")

    await city.send(author.reading(value="1", unit="t"))

    async def account() -> dict[str, Any]:
        return await city.industrial(author, 2022)

    # 42.652 x 0.0202 x 0.98 x 44/12 = 3.095909637333... t, once rounded to a milligram.
    found = await city.shows(account, energy_t="3.095909637")
    assert places(found["total_t"], 4) == "3.0959"


async def test_7_electricity_of_zhejiang(city: City, author: Author) -> None:
    await city.register_enterprise(author)
    await city.register_meter(author)

    await city.send(author.reading(value="1000"))

    async def account() -> dict[str, Any]:
        return await city.industrial(author, 2022)

    await city.shows(account, energy_t="0.5153", total_t="0.5153")
