"""`tanzhang rebuild`: whatever is derived and damaged is what the entries give again."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from asyncpg import Record
from typer.testing import CliRunner

from tanzhang.audit.running import audit
from tanzhang.cli import app
from tanzhang.rebuilding import rebuild
from tests.integration.operating.cities import pass_on, whole_city
from tests.integration.re_emission.conftest import Desk, OpenDesk

# Of each service what is derived, and how it is damaged here.
DERIVED = {
    "industrial": ("account_year",),
    "agri": (),
    "personal": ("city_sum", "city_customers", "account_year", "behaviour_report",
                 "channel_reference"),
    "grading": ("label",),
    "points": ("claim", "reward", "tier"),
}  # fmt: skip
DAMAGE = {
    "industrial": """
        update account_year set energy_mg = energy_mg + 1, output = 7, measured_mg = 3,
            energy_readings = '[1,1,1,1,1,1,1,1,1,1,1,1]', factor_sets = '{"none@1": 2}'
            where year = 2025;
        delete from account_year where year = 2026;
        insert into account_year select account, 2019, energy_mg, process_mg, avoided_mg, pv_mg,
            output, value_added, actual_mg, estimated_mg, substituted_mg, energy_readings,
            output_reports, factor_sets, energy_months, process_months, avoided_months,
            measured_mg from account_year;
        update account set balance = 5""",
    "agri": "update account set balance = balance + 1",
    "personal": """
        update account set balance = balance - 1, sequence = 1;
        update city_sum set amount_mg = 0, payments = payments + 1;
        delete from city_customers where year = 0;
        update city_customers set customers = 40;
        delete from account_year;
        delete from channel_reference;
        delete from behaviour_report where account in (
            select account from subject where subject = 'jsrcb:token-0003');
        insert into behaviour_report select reference, scenario, true, occurred_at, 'x',
            content_hash, account from behaviour_report""",
    "grading": """
        update label set label = 'ungraded', n = 9, contested = true, suspended = true,
            ratio_numerator = 1;
        delete from label where kind = 'agri'""",
    "points": """
        update account set balance = balance + 1, sequence = 0;
        insert into claim select number, 3 from account;
        update reward set stock = 1;
        update tier set tier = 'deep', trailing_mg = 1;
        insert into tier_due select number from account on conflict do nothing""",
}
# When something was done, and how often: not derived.
PASSING = {"n", "looked_at", "cause", "decided_at", "valid_until", "changed_at", "rule_version"}


async def derived(desk: Desk) -> dict[str, list[dict[str, Any]]]:
    found = {table: await desk.app.state.pool.fetch(f"select * from {table}")
             for table in DERIVED[desk.name]}  # fmt: skip
    found["account"] = await desk.app.state.pool.fetch("select number, balance from account")
    return {table: sorted((_lasting(row) for row in rows), key=repr)
            for table, rows in found.items()}  # fmt: skip


def _lasting(row: Record) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in PASSING}


async def rebuilt(desk: Desk, **options: Any) -> int:
    pool, settings = desk.app.state.pool, desk.settings
    return await rebuild(pool, settings, desk.name, desk.later(), **options)


async def assert_clean(city: Mapping[str, Desk]) -> None:
    report = await audit(city["personal"].settings, wait_seconds=0)
    assert (report.wrong, report.in_flight) == (0, 0), report.checks


@pytest.mark.parametrize("accounts_per_lot", [1, 500])
async def test_what_is_damaged_is_what_the_entries_give(
    desk: OpenDesk, accounts_per_lot: int
) -> None:
    city = await whole_city(desk)
    await assert_clean(city)
    for name, one in city.items():
        before = await derived(one)
        await one.app.state.pool.execute(DAMAGE[name])
        damaged = await derived(one)
        changed = {table for table, rows in damaged.items() if rows != before[table]}
        # Grading has no balances.
        assert changed == before.keys() - ({"account"} if name == "grading" else set())
        await rebuilt(one, accounts_per_lot=accounts_per_lot)
        assert await derived(one) == before
    await pass_on(city)
    await assert_clean(city)


async def test_states_are_told_again_and_newer(desk: OpenDesk) -> None:
    city = await whole_city(desk)
    told = {"industrial": 2, "agri": 1, "grading": 3, "personal": 0}
    for name, expected in told.items():
        assert await rebuilt(city[name]) == expected, name
        sent = [msgspec.json.decode(message)["data"] for message in await city[name].sent()]
        assert len(sent) == expected
        again = await rebuilt(city[name])
        later = [msgspec.json.decode(message)["data"] for message in await city[name].sent()]
        assert again == expected
        for first, second in zip(sent, later, strict=True):
            assert (second["epoch"], second["sequence"]) > (first["epoch"], first["sequence"])
            assert second["epoch"] > first["epoch"] > 1
            same = {"epoch": 0, "sequence": 0, "previous": None}
            assert second | same == first | same


async def test_a_label_told_again_has_its_day_and_a_row_of_the_history(desk: OpenDesk) -> None:
    grading = (await whole_city(desk))["grading"]
    before = await grading.app.state.pool.fetch("select * from label order by account, year")
    await rebuilt(grading)
    after = await grading.app.state.pool.fetch("select * from label order by account, year")
    for old, new in zip(before, after, strict=True):
        assert new["n"] == old["n"] + 1
        for name in ("label", "decided_at", "valid_until", "contested", "suspended"):
            assert new[name] == old[name], name
    for message in await grading.sent():
        data = msgspec.json.decode(message)["data"]
        assert data["label"] == data["previous"]


async def test_accounts_to_come_are_of_the_new_epoch(desk: OpenDesk) -> None:
    """Those that a backup does not have had told what a fresh account would tell again."""
    personal = await desk("personal")
    await rebuilt(personal)
    [epoch] = await personal.app.state.pool.fetchrow(
        "insert into account (number) values (1) returning epoch"
    )
    assert epoch > 1
    await rebuilt(personal)
    [later] = await personal.app.state.pool.fetchrow(
        "insert into account (number) values (2) returning epoch"
    )
    assert later > epoch


def test_without_the_key_nobody_knows_who_was_erased(database_url: str) -> None:
    given = {"DATABASE_URL": database_url, "TANZHANG_AUTH": "jwt", "TANZHANG_ERASURE_KEY": ""}
    CliRunner().invoke(app, ["migrate", "personal"], env=given)
    result = CliRunner().invoke(app, ["rebuild", "personal"], env=given)
    assert result.exit_code == 1
    assert "TANZHANG_ERASURE_KEY is not set" in result.output


def test_kafka_that_does_not_answer_is_named(database_url: str) -> None:
    given = {"DATABASE_URL": database_url, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    given |= {"TANZHANG_AUTH": "off", "TANZHANG_HOST": "127.0.0.1"}
    CliRunner().invoke(app, ["migrate", "personal"], env=given)
    refused = CliRunner().invoke(app, ["rebuild", "personal"], env=given)
    assert refused.exit_code == 1
    assert "Kafka at 127.0.0.1:1 does not say what was told" in refused.output
    assert "--without-kafka" in refused.output
    done = CliRunner().invoke(app, ["rebuild", "personal", "--without-kafka"], env=given)
    assert done.exit_code == 0, done.output
    assert "personal: rebuilt, 0 events are told" in done.output


def test_a_database_that_does_not_answer_is_named() -> None:
    nowhere = {"DATABASE_URL": "postgresql://127.0.0.1:1/none"}
    result = CliRunner().invoke(app, ["rebuild", "agri"], env=nowhere)
    assert result.exit_code == 1
    assert "the database of agri does not do it" in result.output
