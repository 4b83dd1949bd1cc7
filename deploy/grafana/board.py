"""A dashboard around its panels: what all boards have in common."""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import NamedTuple

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardCursorSync,
    DashboardLinkType,
    Panel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from deploy.grafana.panels import SOURCE

TAG = "tanzhang"
REFRESH = "10s"


class Part(NamedTuple):
    """A row of panels under a heading; without one the panels come first of all."""

    heading: str | None
    panels: Sequence[Builder[Panel]]


def board(
    name: str,
    title: str,
    meaning: str,
    parts: Sequence[Part],
    *,
    variables: Sequence[build.QueryVariable] = (),
    since: str = "now-1h",
) -> Dashboard:
    """The dashboard `tanzhang-<name>`; its link leads to the others and keeps the time."""
    made = (
        build.Dashboard(title)
        .uid(f"tanzhang-{name}")
        .description(meaning)
        .tags([TAG])
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .refresh(REFRESH)
        .time(since, "now")
        .readonly()
        .link(_others())
        .with_variable(_datasource())
    )
    for variable in variables:
        made = made.with_variable(variable)
    numbers = count(1)
    for part in parts:
        if part.heading is not None:
            made = made.with_row(build.Row(part.heading).id(next(numbers)))
        for panel in _numbered(part.panels, numbers):
            made = made.with_panel(panel)
    return made.build()


def choice(name: str, label: str, metric: str, *, every: bool) -> build.QueryVariable:
    """A variable of the values that a label has; `every`: several or all of them at once."""
    variable = (
        build.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(f"label_values({metric}, {name})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC if every else VariableSort.NUMERICAL_DESC)
        .multi(every)
        .include_all(every)
    )
    if not every:
        return variable
    return variable.all_value(".*").current(VariableOption(text="All", value="$__all"))


def _datasource() -> build.DatasourceVariable:
    return build.DatasourceVariable("datasource").label("Prometheus").type("prometheus")


def _others() -> build.DashboardLink:
    return (
        build.DashboardLink("tanzhang 碳账")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .keep_time(True)
        .as_dropdown(False)
    )


def _numbered(panels: Sequence[Builder[Panel]], numbers: Iterator[int]) -> Iterator[Builder[Panel]]:
    for panel in panels:
        panel.build().id_val = next(numbers)
        yield panel
