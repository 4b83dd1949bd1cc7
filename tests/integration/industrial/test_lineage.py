"""Entries that can be followed by hand: what was reported, each figure and where it comes from."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from tests.integration.industrial.test_fuels import COAL, EVIDENCE, FUELS, LATER, SPAN, coal_meter

ACTIVITIES: dict[str, dict[str, Any]] = {
    "carbonate.CaCO3": {"unit": "t", "purity": "0.93", "content": {"calcined": "0.9"}},
    "clinker": {"unit": "kg", "content": {"CaO": "0.65", "MgO": "0.013"}},
    "nitric_acid.combined": {"unit": "t", "content": {"destroyed": "0.7", "uptime": "0.9"}},
    "recovered_co2": {"unit": "Nm3", "purity": "0.99"},
    "direct.avoided_co2": {"unit": "t"},
}
METERS = {
    "electricity": "kWh", "exported_electricity": "kWh", "pv_generation": "kWh",
    "green_power": "MWh", "heat": "GJ", "steam": "t", "natural_gas": "m3", "diesel": "tce",
    "water": "m3", "exported_steam": "t", "green_certificate": "MWh",
}  # fmt: skip
LONG = ("2021-12-30T12:34:56+08:00", "2022-05-01T00:00:00+08:00")


async def varied(desk: Any) -> None:
    """An account with a bit of everything."""
    await coal_meter(desk)
    await desk.put(f"{FUELS}/raw_coal", **COAL, **EVIDENCE)
    for carrier, unit in METERS.items():
        more = {"carrier": carrier, "unit": unit, "multiplier": "1.5"}
        await desk.register_meter(carrier, kind="interval", **more)
    await desk.register_meter("r1", multiplier="40", register_max="9999")
    report = {"start": "2021-11-15", "end": "2022-02-15", "quantity": "7.7"}
    await desk.post(
        *(
            desk.interval(c, *LONG, "1234.567", meter_id=c, unit=u, evidence="GEC-1")
            for c, u in METERS.items()
        ),
        *(
            desk.interval(f"coal {at[0]}", *at, "33.3", meter_id="coal", unit="t")
            for at in (SPAN, LATER)
        ),
        desk.register("r1", "2022-01-01T00:00:00+08:00", "9900"),
        desk.register("r2", "2022-02-10T07:00:00+08:00", "100.125"),
        *(
            desk.event("activity", name, activity=name, **report, **more)
            for name, more in ACTIVITIES.items()
        ),
    )


async def test_every_entry_can_be_followed_by_hand(desk: Any) -> None:
    await varied(desk)
    assert await desk.refusals() == {}
    entries = await desk.entries()
    assert len({entry["activity"] for entry in entries}) == 17
    for entry in entries:
        product = Decimal(entry["quantity"]) * Decimal(entry["factor_mg_per_unit"])
        rounded = product.quantize(Decimal(1), ROUND_HALF_EVEN)
        # A part of a split may differ by one, so that all parts sum to the whole, rounded once.
        assert abs(entry["amount_mg"] - rounded) <= 1, entry
        emits = entry["factor_set"] is not None
        assert (entry["factor_source"] is not None) is emits, entry
        assert (entry["confidence"] is not None) is emits, entry
        assert Decimal(entry["amount_t"]) * 10**9 == entry["amount_mg"]
    one_month = [e for e in entries if e["activity"] == "raw_coal"]
    for entry in one_month:
        product = Decimal(entry["quantity"]) * Decimal(entry["factor_mg_per_unit"])
        assert entry["amount_mg"] == product.quantize(Decimal(1), ROUND_HALF_EVEN)
    assert await desk.audit() == []


async def test_an_entry_shows_what_was_reported_and_multiplied(desk: Any) -> None:
    await varied(desk)
    by_activity: dict[str, list[Any]] = {}
    for entry in await desk.entries():
        by_activity.setdefault(entry["activity"], []).append(entry)
    gas = by_activity["natural_gas"]
    reported = gas[0]["reported"]
    assert (reported["value"], reported["unit"], reported["evidence"]) == (
        "1234.567",
        "m3",
        "GEC-1",
    )
    assert (reported["start"], reported["end"]) == LONG
    used = sum(Decimal(e["quantity"]) for e in gas)
    assert used == Decimal(reported["value"]) * Decimal(gas[0]["multiplier"])
    counter = [e for e in by_activity["electricity"] if e["meter_id"] == "r1"]
    assert {e["multiplier"] for e in counter} == {"40"}
    assert sum(Decimal(e["quantity"]) for e in counter) == Decimal("199.125") * 40
    stone = by_activity["carbonate.CaCO3"][0]
    assert stone["reported"] == {
        "value": "7.7", "unit": "t", "start": "2021-11-15", "end": "2022-02-15",
        "purity": "0.93", "content": {"calcined": "0.9"},
    }  # fmt: skip
    assert (stone["multiplier"], stone["confidence"]) == (None, "V2")
    acid = by_activity["nitric_acid.combined"][0]
    assert (acid["factor_version"], acid["factor_source"]) == ("1+AR5", "chemical guideline")


async def test_an_entry_tells_which_figure_stands_in_for_another(desk: Any) -> None:
    await desk.register_enterprise(sector="3120")
    await desk.register_meter("pv", kind="interval", carrier="pv_generation")
    await desk.register_meter("oil", kind="interval", carrier="naphtha", unit="t")
    await desk.register_meter("m1")
    days = ("-03-01T00:00:00+08:00", "-03-02T00:00:00+08:00")
    await desk.post(
        *(desk.interval(f"{y}", *(f"{y}{day}" for day in days), "1") for y in (2020, 2022, 2024)),
        desk.interval("pv", *(f"2020{day}" for day in days), "1", meter_id="pv"),
        desk.interval("oil", *SPAN, "1", meter_id="oil", unit="t"),
    )
    found = {e["event"]["id"]: (e["fallback"], e["warning"]) for e in await desk.entries()}
    before = {
        "en": "no factor of zhejiang up to 2020; national 2015 taken",
        "zh": "zhejiang 在 2020 年及以前没有因子,采用 2015 年全国因子",
    }
    assert found["2020"] == found["pv"] == (True, before)
    assert found["2022"] == (False, None)
    assert found["2024"][0] is False
    assert found["2024"][1]["en"] == "no factor of zhejiang for 2024; that of 2022 taken"
    assert found["oil"][0] is True
    assert found["oil"][1]["en"] == "fuels_a has no naphtha; taken from fuels_b"
    await desk.register_enterprise(sector="3120", grid_region="shanghai", valid_from="1900-01-01")
    corrected = {e["event"]["id"]: e["warning"] for e in await desk.entries()}
    assert corrected["2024"] is None


async def test_the_multiplier_is_told_where_one_counted_alone(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter("m1", multiplier="10")
    await desk.register_meter("m1", multiplier="20", valid_from="2022-03-15")
    times = {
        "before": ("03-01T00", "03-14T12"), "over": ("03-14T12", "03-15T12"),
        "at": ("03-15T12", "03-16T00"), "later": ("04-01T00", "04-02T00"),
    }  # fmt: skip
    for name, (start, end) in times.items():
        span = (f"2022-{start}:00:00+08:00", f"2022-{end}:00:00+08:00")
        await desk.post(desk.interval(name, *span, "1"))
    found: dict[str, tuple[str | None, Decimal]] = {}
    for entry in await desk.entries():
        before = found.get(entry["event"]["id"], (None, Decimal(0)))[1]
        used = before + Decimal(entry["quantity"])
        found[entry["event"]["id"]] = entry["multiplier"], used
    assert {name: (told, int(used)) for name, (told, used) in found.items()} == {
        "before": ("10", 10), "at": ("20", 20), "over": (None, 15), "later": ("20", 20),
    }  # fmt: skip
