"""What the boards are put together from: figures to read from across a room, lines, bars."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BarGaugeValueMode,
    BigValueColorMode,
    BigValueGraphMode,
    GraphGradientMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardSpecialValueMapOptions,
    DataSourceRef,
    DynamicConfigValue,
    FieldColorModeId,
    SpecialValueMap,
    SpecialValueMatch,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)

SOURCE = DataSourceRef("prometheus", "${datasource}")
GREEN, YELLOW, RED, BLUE = "green", "#EAB839", "red", "blue"
# Of a figure that is not there: Grafana would show it on the ground of the best one.
GREY = "#5A5A5A"


class Text(NamedTuple):
    """A panel's title in both languages, and what it says."""

    en: str
    zh: str
    meaning: str

    @property
    def title(self) -> str:
        return f"{self.en} {self.zh}"


class Query(NamedTuple):
    """PromQL, and how its series are called."""

    expr: str
    legend: str = ""


def big(
    text: Text,
    expr: str,
    *,
    steps: Sequence[tuple[float | None, str]] = ((None, BLUE),),
    words: Mapping[str, str] | None = None,
    unit: str = "short",
    decimals: int | None = None,
    missing: str = "no data 无数据",
    span: int = 4,
    height: int = 5,
) -> stat.Panel:
    """One figure on a coloured ground; `words` stand in the place of values."""
    panel = (
        stat.Panel()
        .title(text.title)
        .description(text.meaning)
        .datasource(SOURCE)
        .with_target(_target(0, Query(expr, text.en)))
        .unit(unit)
        .no_value(missing)
        .color_mode(BigValueColorMode.BACKGROUND)
        .graph_mode(BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(_thresholds(steps))
        .mappings(_mappings(words or {}, missing))
        .span(span)
        .height(height)
    )
    return panel if decimals is None else panel.decimals(decimals)


def lines(
    text: Text,
    *queries: Query,
    unit: str = "short",
    stacked: bool = False,
    colours: Mapping[str, str] | None = None,
    span: int = 12,
    height: int = 8,
) -> timeseries.Panel:
    """Figures over time, the greatest first in the legend; `colours` by the series' names."""
    panel = (
        timeseries.Panel()
        .title(text.title)
        .description(text.meaning)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .line_width(2)
        .fill_opacity(60 if stacked else 8)
        .gradient_mode(GraphGradientMode.NONE if stacked else GraphGradientMode.OPACITY)
        .stacking(
            common.StackingConfig().mode(StackingMode.NORMAL if stacked else StackingMode.NONE)
        )
        .tooltip(
            common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
        )
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(LegendDisplayMode.TABLE)
            .placement(LegendPlacement.RIGHT)
            .calcs(["lastNotNull", "max"])
            .sort_by("Last *")
            .sort_desc(True)
        )
        .span(span)
        .height(height)
    )
    for n, query in enumerate(queries):
        panel = panel.with_target(_target(n, query))
    for name, colour in (colours or {}).items():
        panel = panel.override_by_name(name, _coloured(colour))
    return panel


def bars(
    text: Text,
    query: Query,
    *,
    unit: str = "short",
    decimals: int | None = None,
    colours: Mapping[str, str] | None = None,
    span: int = 12,
    height: int = 8,
) -> bargauge.Panel:
    """Figures side by side as they are now; `colours` by the series' names."""
    panel = (
        bargauge.Panel()
        .title(text.title)
        .description(text.meaning)
        .datasource(SOURCE)
        .with_target(_target(0, query).instant())
        .unit(unit)
        .min(0)
        .display_mode(BarGaugeDisplayMode.BASIC)
        .value_mode(BarGaugeValueMode.TEXT)
        .orientation(VizOrientation.HORIZONTAL)
        .show_unfilled(False)
        .color_scheme(build.FieldColor().mode(FieldColorModeId.FIXED).fixed_color(BLUE))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .span(span)
        .height(height)
    )
    for name, colour in (colours or {}).items():
        panel = panel.override_by_name(name, _coloured(colour))
    return panel if decimals is None else panel.decimals(decimals)


def _target(n: int, query: Query) -> prometheus.Dataquery:
    return (
        prometheus.Dataquery()
        .ref_id(chr(ord("A") + n))
        .datasource(SOURCE)
        .expr(" ".join(query.expr.split()))
        .legend_format(query.legend or "__auto")
    )


def _thresholds(steps: Sequence[tuple[float | None, str]]) -> build.ThresholdsConfig:
    made = [Threshold(value, colour) for value, colour in steps]
    return build.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(made)


def _mappings(words: Mapping[str, str], missing: str) -> list[ValueMapping]:
    results = {
        value: ValueMappingResult(text=word, index=n)
        for n, (value, word) in enumerate(words.items())
    }
    nothing = DashboardSpecialValueMapOptions(
        SpecialValueMatch.NULL_AND_NAN,
        ValueMappingResult(text=missing, color=GREY, index=len(results)),
    )
    return [*([ValueMap(results)] if results else []), SpecialValueMap(nothing)]


def _coloured(colour: str) -> list[DynamicConfigValue]:
    return [DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})]
