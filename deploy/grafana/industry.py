"""Industry: a year's emissions, how complete they are, what waits for a person."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.board import Part, board, choice
from deploy.grafana.city import LABEL_COLOURS, labels
from deploy.grafana.panels import GREEN, RED, YELLOW, Query, Text, bars, big, lines

YEAR = 'year="$year"'
READING = 'type="cn.tanzhang.meter.reading.v1"'
WINDOW = "[$__rate_interval]"


def _tonnes(category: str) -> str:
    return f'max(tanzhang_industry_tonnes{{{YEAR}, category="{category}"}})'


def _enterprises(coverage: str, years: str = YEAR) -> str:
    return f'max by (year) (tanzhang_industry_enterprises{{{years}, coverage="{coverage}"}})'


def _share(coverage: str) -> str:
    return f"{_enterprises(coverage)} / ({_enterprises('registered')} > 0)"


def _category(en: str, zh: str, category: str, meaning: str) -> Text:
    return Text(f"{en} $year", zh, f"Tonnes of CO2e of the chosen year: {meaning}.")


FIRST = Part(
    None,
    [
        big(
            Text("Emitted $year", "年排放量", "Tonnes of CO2e: energy + process - avoided."),
            f"sum(max by (sector) (tanzhang_industry_sector_tonnes{{{YEAR}}}))",
            unit="si:t",
            decimals=2,
            span=8,
            height=6,
        ),
        big(
            Text(
                "Enterprises with figures $year",
                "数据覆盖",
                "Share of the registered enterprises that have any figure of the chosen year.",
            ),
            _share("covered"),
            steps=((None, RED), (0.8, YELLOW), (0.95, GREEN)),
            unit="percentunit",
            decimals=0,
            height=6,
        ),
        big(
            Text(
                "Complete $year",
                "数据完整",
                "Share of the registered enterprises with energy and output in 11 months or more; "
                "of the running year that cannot be many.",
            ),
            _share("complete"),
            steps=((None, RED), (0.5, YELLOW), (0.9, GREEN)),
            unit="percentunit",
            decimals=0,
            height=6,
        ),
        big(
            Text(
                "Readings held",
                "待复核读数",
                "Readings that wait until a person has looked: GET /v1/reviews of industrial.",
            ),
            "max(tanzhang_reviews_open)",
            steps=((None, GREEN), (1, YELLOW), (100, RED)),
            words={"0": "none 无"},
            height=6,
        ),
        big(
            Text(
                "Unusual days",
                "异常用能",
                "Days above an account's usual band that were told in the last 30 days.",
            ),
            "max(tanzhang_industry_warnings)",
            steps=((None, GREEN), (1, YELLOW)),
            words={"0": "none 无"},
            height=6,
        ),
    ],
)
YEAR_PART = Part(
    "The year 年度",
    [
        big(
            _category("Energy", "能源", "energy", "from energy"),
            _tonnes("energy"),
            unit="si:t",
            decimals=2,
            span=8,
        ),
        big(
            _category("Process", "工艺", "process", "from processes"),
            _tonnes("process"),
            unit="si:t",
            decimals=2,
            span=8,
        ),
        big(
            _category("Avoided", "抵扣", "avoided", "exported or reported as avoided"),
            _tonnes("avoided"),
            steps=((None, GREEN),),
            unit="si:t",
            decimals=2,
            span=8,
        ),
        bars(
            Text("By sector $year", "分行业", "Tonnes of CO2e of the chosen year, by sector code."),
            Query(
                f"sort_desc(max by (sector) (tanzhang_industry_sector_tonnes{{{YEAR}}}))",
                "{{sector}}",
            ),
            unit="si:t",
            height=12,
        ),
        bars(
            Text("Enterprises by label", "企业标签", "Enterprises by their current label."),
            labels("industrial"),
            colours=LABEL_COLOURS,
            height=12,
        ),
        bars(
            Text("The latest years", "近年", "Tonnes of CO2e by year and category."),
            Query("max by (year, category) (tanzhang_industry_tonnes)", "{{year}} {{category}}"),
            unit="si:t",
        ),
        bars(
            Text(
                "Coverage by year", "各年覆盖", "Enterprises: registered, with figures, complete."
            ),
            Query(
                "max by (year, coverage) (tanzhang_industry_enterprises)", "{{year}} {{coverage}}"
            ),
        ),
    ],
)
READINGS = Part(
    "Readings 读数",
    [
        lines(
            Text("Readings by client", "各来源读数", "Accepted meter readings per second."),
            Query(
                f"""sum by (client) (
                rate(tanzhang_events_in_total{{{READING}, outcome="accepted"}}{WINDOW}))""",
                "{{client}}",
            ),
            unit="ops",
        ),
        lines(
            Text(
                "Silence of clients",
                "来源静默",
                "Time since each client's last accepted reading. A client that always sends and "
                "does not now wakes a person.",
            ),
            Query(
                "time() - max by (client) (tanzhang:client_timestamp_seconds:max)",
                "{{client}}",
            ),
            unit="s",
        ),
        lines(
            Text("Posted", "入账", "Events per second posted to the industrial ledger."),
            Query(
                f'sum(rate(tanzhang_events_posted_total{{service="industrial"}}{WINDOW}))', "posted"
            ),
            unit="ops",
        ),
        lines(
            Text(
                "Held and parked",
                "复核与暂存",
                "Readings held; events that wait, held ones included.",
            ),
            Query("max(tanzhang_reviews_open)", "held"),
            Query('max(tanzhang_parked_events{service="industrial"})', "parked"),
        ),
        lines(
            Text(
                "Longest held",
                "最长待复核",
                "How long the oldest reading has been held for review. Three days wake a person.",
            ),
            Query("max(tanzhang_reviews_age_seconds)", "oldest"),
            unit="s",
            span=24,
        ),
    ],
)


def industry() -> Dashboard:
    """The industrial accounts."""
    return board(
        "industry",
        "tanzhang industry 工业碳账户",
        "The industrial accounts: a year's emissions, how complete they are, what waits for a "
        "person. 工业碳账户：年度排放、数据完整度与待办。",
        [FIRST, YEAR_PART, READINGS],
        variables=[choice("year", "Year 年份", "tanzhang_industry_tonnes", every=False)],
        since="now-6h",
    )
