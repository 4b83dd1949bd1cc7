"""What the audit of the points ledger finds when somebody has changed a figure."""

import pytest

from services.points.audit import audit
from tests.integration.points.desk import Points

POSTING = """
insert into posting (account, event_key, line, content_hash, kind, from_account, to_account, points,
    cause, sequence, occurred_at, posted_at)
select account, 'x', 0, 'x', {kind}, {source}, {target}, 5000, 'x', 9, now(), now() from subject
"""

STANDING = "light 600000 2027-03-01 00:00:00"


@pytest.mark.parametrize(
    ("change", "findings"),
    [
        ("update account set balance = balance + 1", {"balance against postings": "580000"}),
        ("update reward set stock = 10", {"stock against deliveries and redemptions": "bag: 9"}),
        ("delete from redemption", {"redemptions against postings": "20000"}),
        ("insert into claim select account, 7 from subject", {"claim against postings": "0"}),
        (
            "update redemption set points = 30000 - points",
            {"redemptions against postings": "20000"},
        ),
        ("delete from reward", {"stock against deliveries and redemptions": "bag: 9"}),
        ("delete from delivery", {"stock against deliveries and redemptions": "bag: -1"}),
        ("update account set sequence = 1", {"sequence against postings": "2"}),
        ("update posting set content_hash = null", {"journal of events": "0"}),
        ("delete from subject", {"name of an account": "a name"}),
        ("update account set erased = true", {"name of an account": "none"}),
        ("delete from account", {"name of an account": "an account"}),
        ("delete from tier", {"account without a tier": "a tier"}),
        ("update tier set trailing_mg = 700000", {"tier against postings": STANDING}),
        ("update tier set tier = 'deep'", {"tier against postings": STANDING}),
        ("update tier set valid_until = null", {"tier against postings": STANDING}),
        (
            "update tier set valid_until = valid_until + interval '1 year'",
            {"tier against postings": STANDING},
        ),
        ("update posting set occurred_at = '2020-01-01Z'", {"tier against postings": "none 0"}),
        (
            POSTING.format(kind="'expired'", source="'issuance'", target="'redemption'"),
            {"movements against rules": "", "redemptions against postings": "5000"},
        ),
        (
            POSTING.format(kind="'credited'", source="'issuance'", target="'member'"),
            {"balance against postings": "585000", "sum of double entry": "0"},
        ),
    ],
)
async def test_each_figure_is_compared(
    points: Points, change: str, findings: dict[str, str]
) -> None:
    await points.credit("rich", "600")
    await points.offer()
    await points.redeemed("k")
    await points.ticks()
    await points.holds()
    await points.app.state.pool.execute(change)
    async with points.app.state.pool.acquire() as connection:
        found = {finding.what: finding.expected for finding in await audit(connection)}
    assert findings.items() <= found.items()


async def test_each_redemption_is_compared_by_itself(points: Points) -> None:
    await points.credit("rich", "600")
    await points.offer()
    first, second = await points.redeemed("k"), await points.redeemed("l", quantity=2)
    await points.app.state.pool.execute(
        "update redemption set points = case id when $1 then 40000 else 20000 end", first
    )
    async with points.app.state.pool.acquire() as connection:
        found = await audit(connection)
    assert sorted((f.what, f.expected, f.found) for f in found) == [
        ("redemptions against postings", "20000", "40000"),
        ("redemptions against postings", "40000", "20000"),
    ]
    assert first != second
