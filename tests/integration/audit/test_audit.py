"""All services at work, audited; then one figure changed by hand at a time."""

import asyncio
from typing import Any

import msgspec
import pytest
from fastapi import FastAPI
from typer.testing import CliRunner, Result

from shared.events.envelope import decode
from shared.settings import DOMAIN_SERVICES
from shared.stream import outbox, tick
from tanzhang.audit import Report, audit
from tanzhang.cli import app
from tests.integration.audit.conftest import BANK, ENTERPRISE, FARM, OTHER, PAYMENTS, City

# Table, column, what is done to it and undone; which account is named.
CHANGES = [
    ("personal.account", "balance", "{} + 1", "{} - 1", BANK),
    ("personal.ledger_entry", "amount_mg", "{} + 1", "{} - 1", BANK),
    ("personal.ledger_entry", "credited", "{} + 0.5", "{} - 0.5", OTHER),
    ("personal.ledger_entry", "quantity", "{} + 0.5", "{} - 0.5", OTHER),
    ("personal.ledger_entry", "day", "{} + 1", "{} - 1", BANK),
    ("points.account", "balance", "{} + 1", "{} - 1", BANK),
    ("points.posting", "points", "{} + 1", "{} - 1", OTHER),
    ("industrial.account", "balance", "{} + 1", "{} - 1", ENTERPRISE),
    ("industrial.ledger_entry", "amount_mg", "{} + 2", "{} - 2", ENTERPRISE),
    ("industrial.ledger_entry", "quantity", "{} + 1", "{} - 1", ENTERPRISE),
    ("agri.account", "balance", "{} + 1", "{} - 1", FARM),
    ("agri.ledger_entry", "amount_mg", "{} + 1", "{} - 1", FARM),
    ("agri.ledger_entry", "quantity", "{} + 1", "{} - 1", FARM),
    ("agri.ledger_entry", "factor", "{} * 2", "{} / 2", FARM),
    ("grading.account_state", "total_t", "{} + 1", "{} - 1", f"industrial:{ENTERPRISE}"),
    ("grading.label", "label", "{} || 'x'", "rtrim({}, 'x')", f"agri:{FARM}"),
]

# A payment that stands, below its cap: of another one, not every figure matters to the sums.
PICKED = {"personal.ledger_entry": "and t.scenario = 1"}
REDUCTIONS = "select count(*) from personal.ledger_entry where amount_mg <> 0"


def named(report: Report) -> set[str | None]:
    return {difference.account for check in report.checks for difference in check.wrong}


def told(report: Report) -> str:
    lines = [f"{c.name}: {d}" for c in report.checks for d in (*c.wrong, *c.in_flight)]
    return "\n".join(lines)


async def change(city: City, table: str, column: str, value: str, account: str) -> str:
    """Change one row of an account; gives where the row is now."""
    schema = table.partition(".")[0]
    key = "number" if table.endswith(".account") else "account"
    picked = await city.database.fetchval(
        f"""select t.ctid from {table} t join {schema}.subject s on s.account = t.{key}
        where s.subject = $1 {PICKED.get(table, "")} limit 1""",
        account,
    )
    moved: str = await city.database.fetchval(
        f"update {table} set {column} = {value.format(column)} where ctid = $1 returning ctid",
        picked,
    )
    return moved


@pytest.mark.slow
async def test_every_figure_changed_by_hand_is_found_and_named(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the clock does writes accounts too, and a row that it has moved is not found again.
    monkeypatch.setattr(tick, "TICK_SECONDS", 3600.0)
    apps = {service: await city.start(service) for service in DOMAIN_SERVICES}
    await city.pay()
    await city.measure(apps["industrial"], apps["agri"])

    clean = await audit(city.settings, wait_seconds=30)
    assert (clean.wrong, clean.in_flight) == (0, 0), told(clean)
    checks = {check.name: check for check in clean.checks}
    assert checks["personal: ledger"].accounts == 2
    assert checks["points against reductions"].accounts == 2
    reductions = await city.database.fetchval(REDUCTIONS)
    assert checks["points against reductions"].rows == reductions > 10
    assert checks["grading against industrial"].rows == 1
    assert checks["grading against agri"].rows == 1

    missed = []
    for table, column, done, undone, account in CHANGES:
        row = await change(city, table, column, done, account)
        report = await audit(city.settings, wait_seconds=0)
        if account not in named(report):
            missed.append((table, column, told(report)))
        await city.database.execute(
            f"update {table} set {column} = {undone.format(column)} where ctid = $1", row
        )
    assert not missed
    again = await audit(city.settings, wait_seconds=0)
    assert (again.wrong, again.in_flight) == (0, 0), told(again)


@pytest.mark.slow
async def test_a_posting_that_is_gone_or_of_nothing_is_wrong(city: City) -> None:
    await city.start("personal")
    await city.start("points")
    await city.pay()
    pair = ("personal", "points")
    clean = await audit(city.settings, pair)
    assert (clean.wrong, clean.in_flight) == (0, 0), told(clean)

    # The balance is made to fit, so that only the comparison with the reductions can tell.
    moved = """
    with gone as (
        delete from points.posting where ctid = (
            select p.ctid from points.posting p join points.subject s using (account)
            where s.subject = $1 and p.kind = 'credited' limit 1)
        returning account, points)
    update points.account a set balance = balance - gone.points from gone
    where a.number = gone.account
    """
    await city.database.execute(moved, OTHER)
    report = await audit(city.settings, pair, wait_seconds=3)
    assert named(report) == {OTHER}, told(report)
    assert [c.name for c in report.checks if c.wrong] == ["points against reductions"]

    renamed = """
    update points.posting set event_key = 'ab'::bytea where ctid = (
        select p.ctid from points.posting p join points.subject s using (account)
        where s.subject = $1 and p.kind = 'credited' limit 1)
    """
    await city.database.execute(renamed, BANK)
    report = await audit(city.settings, pair, wait_seconds=3)
    assert named(report) == {OTHER, BANK}, told(report)


@pytest.mark.slow
async def test_what_points_has_not_read_yet_is_in_flight(city: City) -> None:
    await city.start("personal")
    await city.start("points", role="api")
    await city.pay()
    pair = ("personal", "points")

    waiting = await audit(city.settings, pair, wait_seconds=1)
    [_, _, crossing] = waiting.checks
    assert waiting.wrong == 0, told(waiting)
    assert len(crossing.in_flight) == await city.database.fetchval(REDUCTIONS)
    assert {d.account for d in crossing.in_flight} == {BANK, OTHER}

    await city.start("points", role="worker")
    passed = await audit(city.settings, pair, wait_seconds=30)
    assert (passed.wrong, passed.in_flight) == (0, 0), told(passed)


@pytest.mark.slow
async def test_what_waits_in_the_outbox_is_in_flight_and_what_was_never_sent_is_wrong(
    city: City,
) -> None:
    personal = await city.start("personal", role="api")
    await city.start("points", role="api")
    await post_unsent(personal, PAYMENTS)
    pair = ("personal", "points")

    waiting = await audit(city.settings, pair, wait_seconds=0)
    assert waiting.wrong == 0, told(waiting)
    assert waiting.in_flight > 0

    await city.database.execute("delete from personal.outbox")
    lost = await audit(city.settings, pair, wait_seconds=3)
    assert (lost.wrong, lost.in_flight) == (waiting.in_flight, 0), told(lost)


async def post_unsent(personal: FastAPI, payments: list[dict[str, Any]]) -> None:
    """Post as a worker does, and leave what it tells in the outbox."""
    state = personal.state
    events = [decode(msgspec.json.encode(payment), strict=False) for payment in payments]
    async with state.pool.acquire() as connection, connection.transaction():
        await state.poster.post(connection, events, state.clock())


async def send_outbox(city: City, personal: FastAPI) -> None:
    """Publish what the outbox has, as the relay does."""
    rows = await outbox.waiting(personal.state.pool, 1000)
    for _, topic, messages in rows:
        await city.publish(topic, [msgspec.json.decode(value) for _, value in messages])
    await outbox.remove(personal.state.pool, [row[0] for row in rows])


@pytest.mark.slow
async def test_an_erasure_on_its_way_is_in_flight(city: City) -> None:
    personal = await city.start("personal", role="api")
    await city.start("points")
    pair = ("personal", "points")
    await post_unsent(personal, PAYMENTS)
    await send_outbox(city, personal)
    clean = await audit(city.settings, pair)
    assert (clean.wrong, clean.in_flight) == (0, 0), told(clean)

    async with city.client(personal) as http:
        assert (await http.delete(f"/v1/accounts/{BANK}")).status_code == 204
    erased = await audit(city.settings, pair, wait_seconds=0)
    assert erased.wrong == 0, told(erased)
    assert {d.account for c in erased.checks for d in c.in_flight} == {BANK}

    await send_outbox(city, personal)
    passed = await audit(city.settings, pair)
    assert (passed.wrong, passed.in_flight) == (0, 0), told(passed)
    [_, _, crossing] = passed.checks
    assert crossing.accounts == 1


def command(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(app, ["audit", "--wait", "0", *arguments], env=environment)


@pytest.mark.slow
@pytest.mark.usefixtures("environment")
async def test_the_command_fails_only_when_something_is_wrong(city: City) -> None:
    personal = await city.start("personal", role="api")
    await city.start("points", role="api")
    pair = ("--service", "personal", "--service", "points")
    await post_unsent(personal, PAYMENTS)

    waiting = await asyncio.to_thread(command, *pair)
    assert waiting.exit_code == 0, waiting.output
    assert "nothing wrong" in waiting.output
    assert "in flight" in waiting.output

    await city.database.execute("update personal.account set balance = balance + 1")
    wrong = await asyncio.to_thread(command, *pair)
    assert wrong.exit_code == 1
    assert f"{BANK}: balance: expected" in wrong.output
    assert f"{OTHER}: balance: expected" in wrong.output

    whole = await asyncio.to_thread(command, *pair, "--json")
    report = msgspec.json.decode(whole.stdout)
    assert (whole.exit_code, report["wrong"]) == (1, 2)
    assert {d["account"] for d in report["checks"][0]["wrong"]} == {BANK, OTHER}

    untold = await asyncio.to_thread(command, "--service", "agri")
    assert untold.exit_code == 2
    assert "tanzhang migrate" in untold.output

    url = f"{city.settings.database('agri')}?nonsense=1"
    refused = await asyncio.to_thread(command, "--service", "agri", AGRI_DATABASE_URL=url)
    assert refused.exit_code == 2
    assert 'unrecognized configuration parameter "nonsense"' in refused.output
