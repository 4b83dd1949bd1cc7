"""Points: issued, spent, left; who holds them and what they buy."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.board import Part, board
from deploy.grafana.panels import GREEN, RED, YELLOW, Query, Text, bars, big, lines

WINDOW = "[$__rate_interval]"
ISSUED, REDEEMED = "max(tanzhang_points_issued)", "max(tanzhang_points_redeemed)"
# What some owe is issued no more, and nobody else has the less for it.
HELD = f"{ISSUED} - {REDEEMED} + max(tanzhang_points_owed)"
TIER_COLOURS = {"light": "light-green", "medium": GREEN, "deep": "dark-green"}

FIRST = Part(
    None,
    [
        big(
            Text(
                "Points issued",
                "已发积分",
                "Points credited, less what was taken back or has expired. One point is one gram.",
            ),
            ISSUED,
            span=8,
            height=6,
        ),
        big(
            Text("Points redeemed", "已兑积分", "Points that bought rewards."),
            REDEEMED,
            steps=((None, GREEN),),
            span=8,
            height=6,
        ),
        big(
            Text("Points held", "结余积分", "Points that members can still spend."),
            HELD,
            span=8,
            height=6,
        ),
    ],
)
SECOND = Part(
    None,
    [
        big(
            Text("Redemptions", "兑换", "Redemptions that stand."),
            'max(tanzhang_redemptions{status="redeemed"})',
            height=4,
        ),
        big(
            Text(
                "Cancelled",
                "已取消",
                "Redemptions that were cancelled: points and stock went back.",
            ),
            'max(tanzhang_redemptions{status="cancelled"})',
            height=4,
        ),
        big(
            Text("Rewards in stock", "可兑礼品", "Rewards on offer that are in stock."),
            'max(tanzhang_rewards{state="in_stock"})',
            height=4,
        ),
        big(
            Text("Sold out", "售罄", "Rewards on offer without stock."),
            'max(tanzhang_rewards{state="sold_out"})',
            steps=((None, GREEN), (1, YELLOW)),
            words={"0": "none 无"},
            height=4,
        ),
        big(
            Text("Accounts frozen", "冻结账户", "Accounts that may not redeem until it is lifted."),
            "max(tanzhang_accounts_frozen)",
            steps=((None, GREEN), (1, YELLOW)),
            words={"0": "none 无"},
            height=4,
        ),
        big(
            Text(
                "Points owed",
                "欠分",
                "Points taken back after they had been spent; the next credits settle them.",
            ),
            "max(tanzhang_points_owed)",
            steps=((None, GREEN), (1, YELLOW), (100_000, RED)),
            words={"0": "none 无"},
            height=4,
        ),
    ],
)
MEMBERS = Part(
    "Members 会员",
    [
        bars(
            Text("Accounts by tier", "会员等级", "Accounts by their tier for the loan rating."),
            Query("max by (tier) (tanzhang_points_tiers)", "{{tier}}"),
            colours=TIER_COLOURS,
        ),
        lines(
            Text("Consents", "授权", "Consents in force: what banks may see of a person."),
            Query("max(tanzhang_consents)", "consents"),
        ),
    ],
)
FLOW = Part(
    "Flow 流转",
    [
        lines(
            Text("Payments in", "支付流入", "Accepted payments per second, by bank's client."),
            Query(
                f"""sum by (client) (rate(tanzhang_events_in_total{{
                type="cn.tanzhang.payment.v1", outcome="accepted"}}{WINDOW}))""",
                "{{client}}",
            ),
            unit="ops",
        ),
        lines(
            Text(
                "Posted", "入账", "Events per second: payments in personal, reductions in points."
            ),
            Query(
                f"""sum by (service) (
                rate(tanzhang_events_posted_total{{service=~"personal|points"}}{WINDOW}))""",
                "{{service}}",
            ),
            unit="ops",
        ),
        lines(
            Text("Issued and redeemed", "发放与兑换", "Points over time."),
            Query(ISSUED, "issued"),
            Query(REDEEMED, "redeemed"),
        ),
        lines(
            Text("Redemptions and cancellations", "兑换与取消", "Since the beginning, by status."),
            Query("max by (status) (tanzhang_redemptions)", "{{status}}"),
        ),
        lines(
            Text(
                "Answer time p95",
                "响应时间",
                "95 of 100 requests to points are answered within this.",
            ),
            Query(
                f"""(histogram_quantile(0.95, sum by (le) (
                rate(tanzhang_http_seconds_bucket{{service="points"}}{WINDOW}))) >= 0)
                or vector(0)""",
                "points",
            ),
            unit="s",
        ),
        lines(
            Text(
                "Answers of points", "响应状态", "Requests per second by the class of their answer."
            ),
            Query(
                f"""sum by (status) (
                rate(tanzhang_http_seconds_count{{service="points"}}{WINDOW}))""",
                "{{status}}",
            ),
            unit="reqps",
            stacked=True,
            colours={"2xx": GREEN, "3xx": "blue", "4xx": YELLOW, "5xx": RED},
        ),
    ],
)


def points() -> Dashboard:
    """The points and what they buy."""
    return board(
        "points",
        "tanzhang points 碳积分",
        "Points issued, spent and left; tiers, rewards, redemptions. 碳积分的发放、兑换与结余。",
        [FIRST, SECOND, MEMBERS, FLOW],
        since="now-6h",
    )
