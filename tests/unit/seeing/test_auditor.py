"""The auditor tells what an audit found, and why it could not look."""

import asyncio
import time

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from typer.testing import CliRunner

from shared.settings import Settings
from tanzhang.audit import Check, Difference, Report
from tanzhang.audit.auditor import RETRY_SECONDS, Auditor, create
from tanzhang.audit.crossings import KAFKA_AWAY
from tanzhang.audit.errors import AuditError
from tanzhang.cli import app

WRONG = Difference("bank:account", "balance", "1", "2")
CLEAN = Report([Check("personal: ledger", 2, 5), Check("points against reductions", 2, 5)])


async def once(found: Report | Exception) -> Auditor:
    async def look() -> Report:
        if isinstance(found, Exception):
            raise found
        return found

    auditor = Auditor(look, 600)
    await auditor.once()
    return auditor


def figure(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


async def test_what_is_wrong_and_in_flight_is_told_by_check() -> None:
    checks = [
        Check("personal: ledger", 2, 5, [WRONG, WRONG]),
        Check("points against reductions", 2, 5, [], [WRONG]),
    ]

    await once(Report(checks))

    assert figure("tanzhang_audit_wrong", check="personal: ledger") == 2
    assert figure("tanzhang_audit_in_flight", check="personal: ledger") == 0
    assert figure("tanzhang_audit_wrong", check="points against reductions") == 0
    assert figure("tanzhang_audit_in_flight", check="points against reductions") == 1


async def test_a_check_that_is_no_longer_made_is_told_no_longer() -> None:
    await once(Report([Check("agri: ledger", 1, 1, [WRONG])]))
    await once(CLEAN)

    assert figure("tanzhang_audit_wrong", check="agri: ledger") is None
    assert figure("tanzhang_audit_wrong", check="personal: ledger") == 0


async def test_an_audit_has_a_time_and_a_duration() -> None:
    before, began = time.time(), time.monotonic()

    await once(CLEAN)
    took = time.monotonic() - began

    assert before <= (figure("tanzhang_audit_timestamp_seconds") or 0) <= time.time()
    assert 0 < (figure("tanzhang_audit_seconds") or 0) <= took


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError("nobody there"), "database"),
        (TimeoutError(), "database"),
        (AuditError("the database of agri has no tables"), "tables"),
    ],
)
async def test_why_it_could_not_look_is_told(error: Exception, reason: str) -> None:
    await once(CLEAN)
    before = figure("tanzhang_audit_timestamp_seconds")

    auditor = await once(error)

    assert (auditor.failed or "").startswith(f"{reason}: ")
    reasons = {
        r: figure("tanzhang_audit_failed", reason=r) for r in ("database", "tables", "kafka")
    }
    assert reasons == {"database": 0, "tables": 0, "kafka": 0} | {reason: 1}
    assert figure("tanzhang_audit_timestamp_seconds") == before
    assert figure("tanzhang_audit_wrong", check="personal: ledger") == 0


async def test_without_kafka_the_ledgers_are_told_all_the_same() -> None:
    auditor = await once(Report([Check("points against reductions", 2, 5, note=KAFKA_AWAY)]))

    assert auditor.failed is None
    assert figure("tanzhang_audit_failed", reason="kafka") == 1
    assert figure("tanzhang_audit_in_flight", check="points against reductions") == 0


async def test_after_a_good_audit_no_failure_is_left() -> None:
    await once(ConnectionRefusedError())
    auditor = await once(CLEAN)

    assert auditor.failed is None
    assert figure("tanzhang_audit_failed", reason="database") == 0


async def test_an_unforeseen_error_ends_the_auditor() -> None:
    with pytest.raises(ZeroDivisionError):
        await once(ZeroDivisionError())


async def test_it_looks_again_and_again_until_it_is_stopped() -> None:
    stop, looks = asyncio.Event(), 0

    async def look() -> Report:
        nonlocal looks
        looks += 1
        if looks == 2:
            stop.set()
        return CLEAN

    await asyncio.wait_for(Auditor(look, 0.01).run(stop), 60)

    assert looks == 2


@given(st.floats(1, 1e5), st.floats(0, 1e5))
def test_databases_rest_as_long_as_an_audit_took(every: float, took: float) -> None:
    auditor = Auditor(_never, every)

    rest = auditor.pause(took)

    assert rest >= took
    assert rest == max(every - took, took, 1)


@given(st.floats(0, 1e5))
def test_what_was_away_is_asked_again_within_a_minute(took: float) -> None:
    auditor = Auditor(_never, 86_400)
    auditor.failed = "database: away"

    assert took <= auditor.pause(took) <= max(took, RETRY_SECONDS)


async def test_an_audit_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tanzhang.audit.auditor.LOOK_SECONDS_MAX", 0.05)
    auditor = Auditor(_never, 600)

    await asyncio.wait_for(auditor.once(), 60)

    assert (auditor.failed or "").startswith("database: ")


async def _never() -> Report:
    await asyncio.Event().wait()
    return CLEAN


async def test_it_needs_no_keys_for_tokens() -> None:
    create(Settings(tanzhang_host="0.0.0.0"), _never, 600)


async def test_it_stops_in_the_middle_of_an_audit() -> None:
    served = create(Settings(), _never, 600)

    async with asyncio.timeout(60), served.router.lifespan_context(served):
        pass


async def test_it_is_ready_while_it_can_look() -> None:
    settings = Settings(tanzhang_auth="off")
    found: list[Report | Exception] = [CLEAN]
    looked = asyncio.Event()

    async def look() -> Report:
        looked.set()
        if isinstance(found[0], Exception):
            raise found[0]
        return found[0]

    async def ready() -> int:
        looked.clear()
        served = create(settings, look, 600)
        async with served.router.lifespan_context(served):
            await asyncio.wait_for(looked.wait(), 60)
            transport = httpx.ASGITransport(served)
            async with httpx.AsyncClient(transport=transport, base_url="http://auditor") as http:
                return (await http.get("/readyz")).status_code

    assert await ready() == 200
    found[0] = AuditError("the database of agri has no tables")
    assert await ready() == 503


def test_one_audit_as_json_and_many_do_not_go_together() -> None:
    done = CliRunner().invoke(app, ["audit", "--every", "600", "--json"])

    assert done.exit_code == 2
    assert "--json is for one audit" in done.output
