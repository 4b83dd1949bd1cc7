"""The result on one screen: at most 45 lines of 100 columns."""

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from shared.methodology import methodology
from tanzhang.demo.checking import Group
from tanzhang.demo.story import Outcome

COLUMNS = 100
TITLE_COLUMNS, FIGURE_COLUMNS = 26, 33
FEW = 6
DIFFERENCES_SHOWN = 6


def show(outcome: Outcome) -> None:
    """Print it to stdout."""
    console = Console(highlight=False, markup=False)
    console.width = min(console.width, COLUMNS) if console.is_terminal else COLUMNS
    _print(console, _city(outcome))
    console.print(_figures(outcome))
    _print(console, [*_pace(outcome), *_audit(outcome), *_differences(outcome), _verdict(outcome)])


def _print(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        console.print(line, overflow="ellipsis", no_wrap=True)


def _city(outcome: Outcome) -> Iterator[str]:
    """Totals and labels of the city."""
    made, seen = outcome.demo.city, outcome.summary
    industrial, agri, personal = seen.industrial, seen.agri, seen.personal
    yield f"tanzhang 碳账: a simulated city 模拟城市, {made.year}, seed {made.seed}"
    yield (
        f"industrial 工业  {industrial['with_account']:,} enterprises 家企业, "
        f"{_tonnes(industrial['total_t'])} t emitted 排放, "
        f"{_tonnes(industrial['avoided_t'])} t avoided 减排"
    )
    yield f"  {_labels(outcome, 'industrial')}"
    yield (
        f"agri 农业        {agri['with_account']:,} farms 家农场, "
        f"{_tonnes(agri['neutralised_t'])} t neutralised 中和, "
        f"{_tonnes(agri['gross_t'])} t emitted 排放"
    )
    yield f"  {_labels(outcome, 'agri')}"
    yield (
        f"personal 个人    {personal['customers']:,} customers 位客户, "
        f"{_tonnes(personal['reduction_t'])} t saved 减排 = {personal['trees']:,} trees 棵树"
    )
    yield f"points 积分      {Decimal(seen.points):,}"
    yield ""


def _labels(outcome: Outcome, kind: str) -> str:
    """How many accounts have each label, best first."""
    counts = outcome.summary.labels[kind]
    names = methodology().label_names(kind)
    return " · ".join(f"{n.label} {n.name_zh} {counts[n.label]:,}" for n in names)


def _figures(outcome: Outcome) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("figures 核对", width=TITLE_COLUMNS, no_wrap=True, overflow="ellipsis")
    for title in ("expected 应为", "found 实为"):
        table.add_column(title, width=FIGURE_COLUMNS, no_wrap=True, overflow="ellipsis")
    table.add_column("", width=2)
    for group in outcome.groups:
        table.add_row(group.title, *_sides(group), "ok" if group.agrees else "NO")
    return table


def _sides(group: Group) -> tuple[str, str]:
    """The figures themselves, or how many where they are many."""
    if len(group.checks) <= FEW:
        return (
            ", ".join(check.expected for check in group.checks),
            ", ".join(check.found for check in group.checks),
        )
    differing = len(group.differing())
    return f"{len(group.checks)} figures", f"{len(group.checks) - differing} equal"


def _pace(outcome: Outcome) -> list[str]:
    pace = outcome.pace
    lines = [
        f"{pace.events:,} events 事件: accepted over HTTP in {pace.accepted_after:.1f} s "
        f"({pace.events / pace.accepted_after:,.0f}/s), all posted after {pace.posted_after:.1f} s "
        f"({pace.events / pace.posted_after:,.0f}/s)",
    ]
    if outcome.demo.kill_workers:
        counts = sorted(Counter(outcome.killed).items())
        whom = ", ".join(f"{service} {times}" for service, times in counts)
        lines.append(f"{len(outcome.killed)} times killed meanwhile 期间强杀: {whom}")
    return lines


def _audit(outcome: Outcome) -> list[str]:
    report = outcome.report
    rows = sum(check.rows for check in report.checks)
    verdict = "all agrees 一致"
    if report.wrong or report.in_flight:
        verdict = f"{report.wrong} WRONG, {report.in_flight} in flight"
    lines = [f"audit 审计: {len(report.checks)} checks over {rows:,} rows: {verdict}"]
    wrong = [f"  {c.name}: {d}" for c in report.checks for d in (*c.wrong, *c.in_flight)]
    return lines + wrong[:DIFFERENCES_SHOWN]


def _differences(outcome: Outcome) -> list[str]:
    found = [f"  DIFFERS {group.title}: {check}" for group, check in outcome.differing()]
    more = len(found) - DIFFERENCES_SHOWN
    return found[:DIFFERENCES_SHOWN] + ([f"  and {more} more"] if more > 0 else [])


def _verdict(outcome: Outcome) -> str:
    figures = sum(len(group.checks) for group in outcome.groups)
    differing = len(outcome.differing())
    if differing:
        return f"{differing} of {figures} figures differ. 存在差异"
    if not outcome.agrees:
        return f"The {figures} figures are as expected, but not the audit. 审计未通过"
    return f"All {figures} figures are as expected. 全部一致"


def _tonnes(text: Any) -> str:
    return f"{Decimal(text):,.2f}"
