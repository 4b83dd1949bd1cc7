"""What the audit of the points ledger finds when somebody has changed a figure."""

import pytest

from services.points.audit import audit
from tests.integration.points.desk import Points

POSTING = """
insert into posting (account, event_key, line, content_hash, kind, from_account, to_account, points,
    cause, sequence, occurred_at, posted_at)
select account, 'x', 0, 'x', {kind}, {source}, {target}, 5000, 'x', 9, now(), now() from subject
"""


@pytest.mark.parametrize(
    ("change", "findings"),
    [
        ("update account set balance = balance + 1", {"balance against postings": "80000"}),
        ("update reward set stock = 10", {"stock against deliveries and redemptions": "bag: 9"}),
        ("delete from redemption", {"redemptions against postings": "20000"}),
        ("insert into claim select account, 7 from subject", {"claim against postings": "0"}),
        ("update tier set trailing_mg = 600000", {"tier against postings": "none 100000"}),
        ("update tier set tier = 'deep'", {"tier against postings": "none 100000"}),
        (
            POSTING.format(kind="'expired'", source="'issuance'", target="'redemption'"),
            {"movements against rules": "", "redemptions against postings": "25000"},
        ),
        (
            POSTING.format(kind="'credited'", source="'issuance'", target="'member'"),
            {"balance against postings": "85000", "sum of double entry": "0"},
        ),
    ],
)
async def test_each_figure_is_compared(
    points: Points, change: str, findings: dict[str, str]
) -> None:
    await points.credit("rich", "100")
    await points.offer()
    await points.redeemed("k")
    await points.ticks()
    await points.holds()
    await points.app.state.pool.execute(change)
    async with points.app.state.pool.acquire() as connection:
        found = {finding.what: finding.expected for finding in await audit(connection)}
    assert findings.items() <= found.items()
