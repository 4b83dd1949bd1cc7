"""The city: its three carbon accounts at a glance."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.board import Part, board
from deploy.grafana.panels import GREEN, RED, YELLOW, Query, Text, bars, big, lines

LABEL_COLOURS = {
    "deep_green": "dark-green",
    "light_green": "light-green",
    "medium_green": GREEN,
    "yellow": YELLOW,
    "red": RED,
    "ungraded": "text",
}


def _tonnes(kind: str) -> str:
    return f'max(tanzhang_city_tonnes{{kind="{kind}"}})'


def _accounts(kind: str) -> str:
    return f'max(tanzhang_city_accounts{{kind="{kind}"}})'


def labels(kind: str) -> Query:
    """Accounts of a kind by the label they have now."""
    return Query(f'max by (label) (tanzhang_city_labels{{kind="{kind}"}})', "{{label}}")


TONNES = Part(
    None,
    [
        big(
            Text(
                "Industry: emitted",
                "工业排放",
                "Tonnes of CO2e in the industrial ledger, all years: energy + process - avoided.",
            ),
            _tonnes("industrial"),
            unit="si:t",
            decimals=2,
            span=8,
            height=6,
        ),
        big(
            Text(
                "Farms: neutralised",
                "农业中和",
                "Tonnes of CO2e neutralised by straw return, soil carbon and manure utilisation.",
            ),
            _tonnes("agri"),
            steps=((None, GREEN),),
            unit="suffix: t",
            decimals=1,
            span=8,
            height=6,
        ),
        big(
            Text(
                "People: saved",
                "个人减排",
                "Tonnes of CO2 that bank customers saved, all scenarios.",
            ),
            _tonnes("personal"),
            steps=((None, GREEN),),
            unit="suffix: t",
            decimals=3,
            span=8,
            height=6,
        ),
    ],
)
ACCOUNTS = Part(
    None,
    [
        big(
            Text("Enterprises", "企业", "Registered enterprises."),
            _accounts("industrial"),
            span=6,
            height=4,
        ),
        big(Text("Farms", "农场", "Registered farms."), _accounts("agri"), span=6, height=4),
        big(
            Text("Customers", "居民", "Bank customers who have saved anything."),
            _accounts("personal"),
            span=6,
            height=4,
        ),
        big(
            Text("Appeals open", "待处理申诉", "Appeals against labels that nobody has decided."),
            "max(tanzhang_appeals_open)",
            steps=((None, GREEN), (1, YELLOW)),
            words={"0": "none 无"},
            span=6,
            height=4,
        ),
    ],
)
LABELS = Part(
    "Labels 标签",
    [
        bars(
            Text("Enterprises by label", "企业标签", "Enterprises by their current label."),
            labels("industrial"),
            colours=LABEL_COLOURS,
        ),
        bars(
            Text("Farms by label", "农场标签", "Farms by their current label."),
            labels("agri"),
            colours=LABEL_COLOURS,
        ),
    ],
)
PEOPLE = Part(
    "People 个人: eighteen everyday scenarios",
    [
        bars(
            Text("Saved by scenario", "各场景减排", "Tonnes of CO2 saved, by scenario."),
            Query("sort_desc(max by (scenario) (tanzhang_personal_tonnes))", "{{scenario}}"),
            unit="suffix: t",
            decimals=3,
            height=14,
        ),
        bars(
            Text("Payments by scenario", "各场景笔数", "Payments that belong to a scenario."),
            Query("sort_desc(max by (scenario) (tanzhang_personal_payments))", "{{scenario}}"),
            height=14,
        ),
    ],
)
TIME = Part(
    "Over time 走势",
    [
        bars(
            Text(
                "Farms by pathway",
                "农业路径",
                "Tonnes of CO2e by pathway; gross is what is emitted.",
            ),
            Query("max by (pathway) (tanzhang_agri_tonnes)", "{{pathway}}"),
            unit="suffix: t",
            decimals=1,
        ),
        lines(
            Text("Accounts", "账户数", "Enterprises, farms and bank customers."),
            Query("max by (kind) (tanzhang_city_accounts)", "{{kind}}"),
        ),
        lines(
            Text("Emitted", "排放", "Tonnes of CO2e in the industrial ledger, all years."),
            Query(_tonnes("industrial"), "industrial"),
            unit="si:t",
        ),
        lines(
            Text("Neutralised and saved", "中和与减排", "Tonnes of CO2e by farms and by people."),
            Query(_tonnes("agri"), "agri"),
            Query(_tonnes("personal"), "personal"),
            unit="suffix: t",
        ),
    ],
)


def city() -> Dashboard:
    """The three accounts of the whole city."""
    return board(
        "city",
        "tanzhang city 全市碳账户",
        "The three carbon accounts of the whole city, and the labels they give. "
        "全市工业、农业、个人三大碳账户及其标签。",
        [TONNES, ACCOUNTS, LABELS, PEOPLE, TIME],
        since="now-6h",
    )
