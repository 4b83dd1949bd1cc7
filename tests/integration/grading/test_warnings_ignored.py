"""Grading reads account states; what else comes with them on their topic changes nothing."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from shared.events.envelope import Event, Outgoing, decode, encode
from shared.events.types import IndustrialWarning

ENTERPRISE = "91330800704206161W"


def warning(enterprise: Event, subject: str, sequence: int) -> Event:
    """A warning as the industrial service sends it."""
    data = IndustrialWarning(
        epoch=1,
        sequence=sequence,
        day="2020-05-31",
        asset_id="line-1",
        carrier="electricity",
        unit="kWh",
        value=Decimal(160),
        median=Decimal(100),
        band=Decimal(105),
        days=8,
        reason={"en": "more than usual", "zh": "高于通常"},
    )
    name, source = "cn.tanzhang.industrial.warning.v1", "urn:tanzhang:industrial"
    assert enterprise.time is not None
    sent = Outgoing(name, subject, f"w-{subject}-{sequence}", source, enterprise.time, data)
    return decode(encode(sent), strict=False)


async def test_warnings_change_no_label(grading: Any, enterprise: Callable[..., Event]) -> None:
    await grading.put()
    state = enterprise(sequence=2)
    await grading.post(warning(state, ENTERPRISE, 1), state, warning(state, ENTERPRISE, 3))
    await grading.post(warning(state, ENTERPRISE, 4), warning(state, "91330000142927960N", 1))
    assert (await grading.label())["year"] == 2020
    labels = [event.subject for event in await grading.sent()]
    assert labels == [f"industrial:{ENTERPRISE}"]
    assert await grading.findings() == []
    unknown = await grading.http.get("/v1/labels/industrial/91330000142927960N")
    assert unknown.status_code == 404
