"""The committed dashboards are the generated ones, whole, and show what is measured."""

import json
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.__main__ import generated
from shared import metrics
from tests.deploy.seeing import boards

BOARDS = boards.dashboards()
WIDTH = 24
# `tanzhang_build_info` and the like would stand here: measured on purpose, shown nowhere.
NOT_SHOWN: frozenset[str] = frozenset()
# Units that Grafana puts into thousands or hours by itself: 1,490 t are 1.49 kt, 90 s 1.5 mins.
SCALED = ("short", "bytes", "ops", "reqps", "s", "si:t")


def test_the_committed_files_are_the_generated_ones() -> None:
    committed = {path.name: path.read_text() for path in boards.DASHBOARDS.iterdir()}

    assert committed == generated()


def test_generating_twice_gives_the_same() -> None:
    assert generated() == generated()


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_is_what_the_schema_of_the_sdk_says(name: str) -> None:
    board = BOARDS[name]

    assert _again(board) == board


def _again(board: dict[str, Any]) -> dict[str, Any]:
    """Read into the SDK's types and written again: a field that they don't know would be gone."""
    read: dict[str, Any] = json.loads(JSONEncoder().encode(Dashboard.from_json(board)))
    return read


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_is_found_refreshed_and_linked(name: str) -> None:
    board = BOARDS[name]

    assert board["uid"] == f"tanzhang-{name}"
    assert board["refresh"] == "10s"
    assert board["tags"] == ["tanzhang"]
    assert [link["tags"] for link in board["links"]] == [["tanzhang"]]
    assert board["templating"]["list"][0]["name"] == "datasource"


@pytest.mark.parametrize("name", BOARDS)
def test_panels_fill_whole_rows_without_overlap(name: str) -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in BOARDS[name]["panels"]:
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, f"{panel['title']} lies on {taken[x, y]}"
                taken[x, y] = panel["title"]
    rows = {y for _, y in taken}

    assert rows == set(range(max(rows) + 1))
    assert {(x, y) for y in rows for x in range(WIDTH)} == set(taken)


@pytest.mark.parametrize("name", BOARDS)
def test_every_panel_is_described_in_words(name: str) -> None:
    for panel in boards.panels(BOARDS[name]):
        assert panel["description"].endswith("."), panel["title"]
        assert any("\u4e00" <= letter <= "\u9fff" for letter in panel["title"]), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])


@pytest.mark.parametrize("name", BOARDS)
def test_no_figure_is_cut_to_its_first_digit(name: str) -> None:
    """Without decimals a million and a half points are shown as `2 Mil`."""
    for panel in boards.panels(BOARDS[name]):
        defaults = panel["fieldConfig"]["defaults"]
        if defaults["unit"] in SCALED:
            assert defaults.get("decimals") != 0, panel["title"]


@pytest.mark.parametrize("name", BOARDS)
def test_the_first_row_is_figures_to_be_read_from_afar(name: str) -> None:
    first = [panel for panel in BOARDS[name]["panels"] if panel["gridPos"]["y"] == 0]

    assert len(first) <= 6
    for panel in first:
        assert panel["type"] == "stat"
        assert panel["gridPos"]["h"] >= 5
        assert panel["options"]["colorMode"] == "background"


@pytest.mark.parametrize("name", BOARDS)
def test_panels_have_numbers_of_their_own(name: str) -> None:
    numbers = [panel["id"] for panel in BOARDS[name]["panels"]]

    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("name", BOARDS)
def test_a_figure_that_is_not_there_does_not_look_well(name: str) -> None:
    for panel in boards.panels(BOARDS[name]):
        if panel["type"] == "stat":
            defaults = panel["fieldConfig"]["defaults"]
            *_, nothing = defaults["mappings"]
            assert nothing["type"] == "special"
            assert nothing["options"]["match"] == "null+nan"
            assert nothing["options"]["result"]["text"] == defaults["noValue"]
            colours = {step["color"] for step in defaults["thresholds"]["steps"]}
            assert nothing["options"]["result"]["color"] not in colours


@pytest.mark.parametrize("name", BOARDS)
def test_a_coloured_figure_is_not_made_up_where_nothing_is_measured(name: str) -> None:
    for panel in boards.panels(BOARDS[name]):
        if (
            panel["type"] == "stat"
            and len(panel["fieldConfig"]["defaults"]["thresholds"]["steps"]) > 1
        ):
            [target] = panel["targets"]
            assert "vector(0)" not in target["expr"] or panel["title"].startswith("Rejected")


def test_every_metric_shown_is_declared() -> None:
    declared = {row[0] for row in metrics.table()}

    for query in boards.queries():
        assert boards.used(query.expr) <= declared, query.where
    for rule in boards.alerts() + boards.records():
        assert boards.used(rule["expr"]) <= declared, rule["expr"]


def test_every_metric_declared_is_shown_or_watched() -> None:
    rules = boards.alerts() + boards.records()
    exprs = [query.expr for query in boards.queries()] + [rule["expr"] for rule in rules]
    found = set().union(*map(boards.used, exprs))

    assert {row[0] for row in metrics.table()} - found == NOT_SHOWN
