"""The personal service against its OpenAPI document."""

from tests.deploy.openapi.conftest import Start, event
from tests.deploy.openapi.fuzzing import Ways

WAYS = Ways(
    beyond_schema=(
        "GET /v1/accounts/{id}/statement",
        "PUT /v1/classifications/{id}",
        "DELETE /v1/classifications/{id}",
    ),
    keeps=True,
)
ACCOUNT, OTHER = "jsrcb:token-0001", "jsrcb:token-0002"


async def test_every_answer_is_as_documented(start: Start) -> None:
    personal = await start("personal")
    ride = {"kind": "bus_ride", "channel": "nfc", "amount": "2", "currency": "CNY"}
    bank = "urn:bank:jsrcb"
    await personal.post(
        *(event("payment", f"p-{who}", who, ride, bank) for who in (ACCOUNT, OTHER)),
        event("payment", "p-none", ACCOUNT, ride | {"kind": "purchase", "mcc": "6011"}, bank),
    )
    report = await personal.fuzz(WAYS)
    assert report.code == 0, report.text
    assert report.never_good() == []
