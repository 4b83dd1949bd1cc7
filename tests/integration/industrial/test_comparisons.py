"""A year in parts, lines beside their best month and the benchmark, the region's totals."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import msgspec
import pytest

from services.grading import app as grading_app
from shared.database.migrations import migrate
from shared.settings import Settings
from tests.serving import PATIENCE, serving

OTHER = "91330000142927960N"
NOBODY = "http://127.0.0.1:9"


def asks(desk: Any, url: str) -> None:
    """Where this service looks for grading."""
    state = desk.app.state
    state.settings = msgspec.structs.replace(state.settings, tanzhang_grading_url=url)
    state.client.timeout = PATIENCE


async def month(desk: Any, n: int, used: int, made: str, line: str = "line") -> None:
    """A month of 2022 of a line: power in kWh, output in t."""
    start, end = f"2022-{n:02}-01", f"2022-{n + 1:02}-01"
    await desk.post(
        desk.interval(f"{line}-e{n}", f"{start}T00:00:00+08:00", f"{end}T00:00:00+08:00",
                      str(used), meter_id=f"m-{line}"),
        desk.event("production", f"{line}-p{n}", product="xylitol", start=start, end=end,
                   quantity=made, unit="t", asset_id=line),
    )  # fmt: skip


async def plant(desk: Any) -> str:
    """A site with a line, on which a device hangs; a meter on the line and one on the device."""
    await desk.register_enterprise()
    path = f"enterprises/{desk.enterprise}"
    for id, body in {
        "site": {"kind": "site", "name": "厂区"},
        "line": {"kind": "line", "name": "一号线", "parent": "site"},
        "pump": {"kind": "device", "name": "水泵", "parent": "line"},
    }.items():
        await desk.put(f"{path}/assets/{id}", **body)
    await desk.register_meter("m-line", asset_id="line")
    await desk.register_meter("m-pump", asset_id="pump")
    return path


async def test_own_sums_to_the_enterprise_and_with_parts_to_what_hangs_below(desk: Any) -> None:
    path = await plant(desk)
    await month(desk, 1, 1000, "2")
    await desk.post(
        desk.interval("p", "2022-01-01T00:00:00+08:00", "2022-02-01T00:00:00+08:00", "500",
                      meter_id="m-pump"),
        desk.event("activity", "c", activity="direct.co2", start="2022-01-01", end="2022-02-01",
                   quantity="1", unit="t"),
    )  # fmt: skip
    items = (await desk.get(f"{path}/breakdown", year=2022, by="asset"))["items"]
    shown = {i["asset_id"]: (i["total_t"], i["with_parts"]["total_t"]) for i in items}
    assert shown == {
        None: ("1", "1"),
        "site": ("0", "0.77295"),
        "line": ("0.5153", "0.77295"),
        "pump": ("0.25765", "0.25765"),
    }
    total = (await desk.account(2022))["total_t"]
    assert sum(Decimal(i["total_t"]) for i in items) == Decimal(total)
    pump = next(i for i in items if i["asset_id"] == "pump")
    assert pump["asset"] == {"kind": "device", "name": "水泵", "parent": "line"}
    by_carrier = (await desk.get(f"{path}/breakdown", year=2022, by="asset,carrier"))["items"]
    [power] = [i for i in by_carrier if (i["asset_id"], i["carrier"]) == ("line", "electricity")]
    assert (power["quantity"], power["with_parts"]["quantity"]) == ("1000", "1500")
    months = await desk.get(f"{path}/breakdown", year=2022, by="month")
    assert [m["total_t"] for m in months["items"]] == ["1.77295"]
    assert "lines" not in months
    assert (await desk.http.get(f"/v1/{path}/breakdown?by=colour")).status_code == 422


async def test_a_line_beside_its_best_month_and_the_benchmark(desk: Any, database_url: str) -> None:
    path = await plant(desk)
    await month(desk, 1, 40_000, "2")
    await month(desk, 2, 20_000, "2")
    # Too little output to be its best.
    await month(desk, 3, 1_000, "0.5")
    asks(desk, NOBODY)
    alone = await desk.get(f"{path}/breakdown", year=2022, by="asset")
    assert (alone["partial"], alone["missing"], alone["benchmark"]) == (True, ["benchmark"], None)
    [line] = alone["lines"]
    assert (line["asset_id"], line["output"], line["total_t"]) == ("line", "4.500000", "31.4333")
    assert line["best_month"]["month"] == "2022-02"
    assert line["best_month"]["intensity"] == "5.153000"
    # 31.4333 / 4.5 beside 5.153.
    assert (line["to_best_month"], line["to_benchmark"]) == ("1.355556", None)

    await migrate(database_url, "grading")
    grading = grading_app.create(Settings(database_url=database_url, tanzhang_auth="off"), "api")
    async with serving(grading) as url:
        asks(desk, url)
        body = {
            "product": "xylitol",
            "unit": "t",
            "benchmark": "3.5",
            "kind": "norm",
            "source": "x",
        }
        without = await desk.get(f"{path}/breakdown", year=2022, by="asset")
        answer = await _put(f"{url}/v1/benchmarks/1495/2022?product=xylitol", body)
        beside = await desk.get(f"{path}/breakdown", year=2022, by="asset")
    assert answer == 200
    assert (without["partial"], without["missing"]) == (False, [])
    assert beside["benchmark"]["benchmark"] == "3.5"
    assert beside["lines"][0]["to_benchmark"] == "1.995765"


async def test_a_line_beside_a_benchmark_in_any_unit_that_a_label_takes(
    desk: Any, database_url: str
) -> None:
    path = await plant(desk)
    await month(desk, 1, 40_000, "2")
    await migrate(database_url, "grading")
    grading = grading_app.create(Settings(database_url=database_url, tanzhang_auth="off"), "api")
    found = []
    async with serving(grading) as url:
        asks(desk, url)
        for unit, value in (("t", "5"), ("t/t", "5"), ("tCO2e / kg", "0.005"), ("box", "5")):
            body = {"product": "xylitol", "unit": unit, "benchmark": value, "kind": "norm"}
            await _put(f"{url}/v1/benchmarks/1495/2022", body | {"source": "x"})
            beside = await desk.get(f"{path}/breakdown", year=2022, by="asset")
            found.append(beside["lines"][0]["to_benchmark"])
        # The line made what the enterprise registered then; the benchmark is of what it makes now.
        await desk.register_enterprise(product="maltitol", valid_from="2022-06-01")
        other = {"product": "maltitol", "unit": "t", "benchmark": "5", "kind": "norm"}
        await _put(f"{url}/v1/benchmarks/1495/2022", other | {"source": "x"})
        beside = await desk.get(f"{path}/breakdown", year=2022, by="asset")
    # 20.612 t over 2 t beside 5.
    assert found == ["2.061200", "2.061200", "2.061200", None]
    assert beside["benchmark"]["product"] == "maltitol"
    assert beside["lines"][0]["to_benchmark"] is None


async def _put(url: str, body: dict[str, str]) -> int:
    async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as http:
        return (await http.put(url, json=body)).status_code


async def test_lines_of_one_product_are_twins(desk: Any) -> None:
    path = await plant(desk)
    await desk.put(f"{path}/assets/second", kind="line", name="二号线", parent="site")
    await desk.register_meter("m-second", asset_id="second")
    for n in (1, 2, 3):
        await month(desk, n, 10_000, "2")
        await month(desk, n, 15_000, "2", line="second")
    found = (await desk.get(f"{path}/opportunities", year=2022))["items"]
    [twin] = [item for item in found if item["finding"] == "twin_line"]
    assert (twin["asset_id"], twin["meter_id"], twin["carrier"]) == ("second", None, None)
    # A third of 45 MWh.
    assert (twin["avoidable_t"], twin["avoidable_yuan"]) == ("7.7295", "10500.00")
    assert (twin["adds_up"], twin["evidence"]["figures"]["twin"]) == (False, "line")
    assert "二" not in twin["reason"]["en"]
    assert twin["evidence"]["period"] == {"from": "2022-01-01", "to": "2022-12-31"}


async def test_an_even_use_beside_an_even_output_is_nothing_to_reduce(desk: Any) -> None:
    path = await plant(desk)
    await desk.post(
        *(
            desk.event("production", f"p{n}", product="xylitol", start=f"2022-{n:02}-01",
                       end=f"2022-{n + 1:02}-01", quantity=days, unit="t", asset_id="line")
            for n, days in ((1, "31"), (2, "28"), (3, "31"), (4, "30"))
        ),
        *(
            desk.interval(f"e{n}", f"2022-{n:02}-01T00:00:00+08:00",
                          f"2022-{n + 2:02}-01T00:00:00+08:00", used, meter_id="m-line")
            for n, used in ((1, "1000"), (3, "1034"))
        ),
    )  # fmt: skip
    assert (await desk.get(f"{path}/opportunities", year=2022))["items"] == []


@pytest.mark.parametrize("kind", ["interval", "register"])
async def test_one_reading_of_a_year_tells_nothing_of_its_months(desk: Any, kind: str) -> None:
    path = await plant(desk)
    for n, made in ((1, "5"), (2, "9"), (3, "5"), (4, "5"), (5, "8")):
        await desk.post(
            desk.event("production", f"p{n}", product="xylitol", start=f"2022-{n:02}-01",
                       end=f"2022-{n + 1:02}-01", quantity=made, unit="t", asset_id="line"),
        )  # fmt: skip
    begin, end = "2022-01-01T00:00:00+08:00", "2023-01-01T00:00:00+08:00"
    if kind == "interval":
        await desk.post(desk.interval("year", begin, end, "120000", meter_id="m-line"))
    else:
        await desk.register_meter("m-counter", kind="register", asset_id="line")
        await desk.post(
            desk.register("r1", begin, "0", meter_id="m-counter"),
            desk.register("r2", end, "120000", meter_id="m-counter"),
        )
    assert (await desk.get(f"{path}/opportunities", year=2022))["items"] == []
    [line] = (await desk.get(f"{path}/breakdown", year=2022, by="asset"))["lines"]
    assert (len(line["months"]), line["best_month"], line["to_best_month"]) == (5, None, None)


@pytest.mark.parametrize("used", ["4000", "40000"])
async def test_a_month_under_way_is_compared_when_it_is_over(desk: Any, used: str) -> None:
    path = await plant(desk)
    for n in (1, 2, 3):
        await month(desk, n, 10_000, "1")
    # Of April there is energy of some days, and an output of others.
    await desk.post(
        desk.interval("april", "2022-04-01T00:00:00+08:00", "2022-04-11T00:00:00+08:00", used,
                      meter_id="m-line"),
        desk.event("production", "p4", product="xylitol", start="2022-04-01", end="2022-04-19",
                   quantity="2", unit="t", asset_id="line"),
    )  # fmt: skip
    desk.app.state.clock = lambda: datetime(2022, 4, 18, 16, tzinfo=UTC)
    [line] = (await desk.get(f"{path}/breakdown", year=2022, by="asset"))["lines"]
    assert line["best_month"]["month"] == "2022-01"
    assert (await desk.get(f"{path}/opportunities", year=2022))["items"] == []


async def test_rising_use_per_output_is_found_from_months(desk: Any) -> None:
    path = await plant(desk)
    for n, used in enumerate((10, 10, 10, 15, 20), 1):
        await month(desk, n, used * 1000, "1")
    [best] = (await desk.get(f"{path}/opportunities", year=2022))["items"]
    assert (best["finding"], best["asset_id"], best["carrier"]) == (
        "specific_use", "line", "electricity",
    )  # fmt: skip
    # 5 and 10 MWh above the median of 10 MWh per t.
    assert (best["avoidable"], best["avoidable_t"]) == ("15000.000000", "7.7295")
    assert best["evidence"]["figures"]["rising_months"] == "2"
    assert best["evidence"]["series"][4] == {
        "month": "2022-05", "quantity": "20000", "output": "1", "specific": "20000.000000",
    }  # fmt: skip


async def test_the_region_adds_up_by_sector_district_and_month(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_enterprise(OTHER, sector="3120", district="衢江区")
    for subject, tonnes, until in (
        (desk.enterprise, "1.5", "2021-01-01"),
        (OTHER, "2", "2020-07-01"),
    ):
        await desk.post(
            desk.event("activity", "a", subject=subject, activity="direct.energy_co2",
                       start="2020-01-01", end=until, quantity=tonnes, unit="t"),
            desk.event("production", "p", subject=subject, product="xylitol", start="2020-01-01",
                       end=until, quantity="10", unit="t"),
        )  # fmt: skip
    region = await desk.get("region/summary", year=2020)
    assert (region["enterprises"], region["with_account"], region["total_t"]) == (2, 2, "3.5")
    # One of the two has all twelve months, the other six.
    assert (region["complete"], region["coverage"]) == (1, "0.500000")
    assert (region["months_reported"], region["months_coverage"]) == (18, "0.750000")
    assert region["by_sector"]["3120"]["energy_t"] == "2"
    assert region["by_sector"]["3120"]["coverage"] == "0.000000"
    assert region["by_district"]["开化县"]["total_t"] == "1.5"
    months = region["by_month"]
    assert [m["month"] for m in months] == [f"2020-{n:02}" for n in range(1, 13)]
    assert sum(Decimal(m["total_t"]) for m in months) == Decimal("3.5")
    assert [m["complete"] for m in months] == [2] * 6 + [1] * 6
    empty = await desk.get("region/summary", year=2019)
    assert (empty["with_account"], empty["coverage"]) == (0, "0.000000")
    assert await desk.audit() == []


async def test_who_was_not_there_yet_lowers_no_coverage(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_enterprise(OTHER, valid_from="2021-03-01")
    await report(desk, desk.enterprise, 2020)
    region = await desk.get("region/summary", year=2020)
    assert (region["enterprises"], region["coverage"]) == (1, "1.000000")
    # Of 2021 it counts, and of 2020 when it tells of that year all the same.
    assert (await desk.get("region/summary", year=2021))["enterprises"] == 2
    await report(desk, OTHER, 2020)
    region = await desk.get("region/summary", year=2020)
    assert (region["enterprises"], region["complete"], region["total_t"]) == (2, 2, "3")


async def test_a_year_counts_where_the_enterprise_was_at_its_end(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_enterprise(district="衢江区", sector="3120", valid_from="2021-07-01")
    await report(desk, desk.enterprise, 2020)
    await report(desk, desk.enterprise, 2021)
    for year, district, sector in ((2020, "开化县", "1495"), (2021, "衢江区", "3120")):
        region = await desk.get("region/summary", year=year)
        assert {place: found["total_t"] for place, found in region["by_district"].items()} == {
            district: "1.5"
        }
        assert list(region["by_sector"]) == [sector]


async def report(desk: Any, subject: str, year: int) -> None:
    """Energy of 1.5 t and an output of 10 t in all months of a year."""
    of_year = {"start": f"{year}-01-01", "end": f"{year + 1}-01-01", "unit": "t"}
    outcome = await desk.post(
        desk.event("activity", f"a{year}", subject=subject, activity="direct.energy_co2",
                   quantity="1.5", **of_year),
        desk.event("production", f"p{year}", subject=subject, product="xylitol", quantity="10",
                   **of_year),
    )  # fmt: skip
    assert not outcome.refused


async def test_of_this_year_only_the_months_that_are_over_count(desk: Any) -> None:
    """The clock stands at 1 June 2026."""
    nothing = await desk.get("region/summary", year=2026)
    assert (nothing["enterprises"], nothing["coverage"], nothing["months_coverage"]) == (
        0, None, None,
    )  # fmt: skip
    await desk.register_enterprise()
    await desk.post(
        desk.event("activity", "a", activity="direct.energy_co2", start="2026-01-01",
                   end="2026-06-01", quantity="5", unit="t"),
        desk.event("production", "p", product="xylitol", start="2026-01-01", end="2026-06-01",
                   quantity="10", unit="t"),
    )  # fmt: skip
    region = await desk.get("region/summary")
    assert (region["year"], region["months_elapsed"], region["coverage"]) == (2026, 5, "1.000000")
    assert region["months_coverage"] == "1.000000"
    assert (await desk.get("region/summary", year=2027))["coverage"] == "0.000000"


async def test_the_audit_knows_the_months(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.post(
        desk.event("activity", "a", activity="direct.co2", start="2020-01-01", end="2020-02-01",
                   quantity="1", unit="t")
    )  # fmt: skip
    await desk.app.state.pool.execute(
        "update account_year set process_months = jsonb_set(process_months, '{0}', '7')"
    )
    [finding] = await desk.audit()
    assert (finding.what, finding.expected, finding.found) == (
        "process_months of 2020-01", "1000000000", "7",
    )  # fmt: skip


@pytest.mark.parametrize("year", [1989, 2101])
async def test_a_year_out_of_range_is_refused(desk: Any, year: int) -> None:
    answer = await desk.http.get(f"/v1/region/summary?year={year}")
    assert answer.status_code == 422
