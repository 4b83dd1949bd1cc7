"""The ledger mapping that comes along: the same events from a workbook and from text in GBK."""

import csv
from collections.abc import Mapping as Cells
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from tanzhang.cloudevents import CloudEvent
from tanzhang.importers.event_fields import event_fields
from tanzhang.importers.mapped_rows import Sender, wanted_columns
from tanzhang.importers.mapping_files import find_mapping, read_mapping
from tanzhang.importers.reading import Fault
from tanzhang.importers.survey import Source, Survey, events, survey

MAPPING = read_mapping(find_mapping("farm_ledger"))
COLUMNS = wanted_columns(MAPPING)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
STRAW: dict[str, Any] = {
    "主体编号": "f-1", "凭证号": "v-1", "地块": "东", "活动类型": "秸秆还田",
    "开始日期": date(2020, 1, 1), "结束日期": date(2020, 12, 31),
    "面积（亩）": 5471.4, "秸秆还田量（公斤/亩）": 128, "是否水田": "是",
}  # fmt: skip
DIESEL: dict[str, Any] = {
    "主体编号": "f-1", "凭证号": "v-2", "地块": "全场", "活动类型": "排放",
    "开始日期": date(2020, 3, 1), "结束日期": date(2020, 3, 31),
    "数量": "1,250.5", "单位": "公斤", "排放源": "柴油", "佐证材料": "发票 0042",
}  # fmt: skip


def read(path: Path) -> tuple[Survey, list[str], list[CloudEvent]]:
    """Counts, faults and events of a file."""
    faults: list[Fault] = []
    source = Source(path, MAPPING, Sender("import"))
    found = survey(source, now=NOW, describe=lambda event: event.type, on_fault=faults.append)
    return found, [str(fault) for fault in faults], [event for _, event in events(source, found)]


def as_workbook(path: Path, *rows: Cells[str, Any], merged: str | None = None) -> Path:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["农业碳账户台账"])
    sheet.append(COLUMNS)
    for row in rows:
        sheet.append([row.get(name) for name in COLUMNS])
    if merged is not None:
        sheet.merge_cells(merged)
    book.save(path)
    return path


def as_text(path: Path, *rows: Cells[str, Any]) -> Path:
    with path.open("w", encoding="gbk", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["农业碳账户台账"], COLUMNS])
        writer.writerows([row.get(name, "") for name in COLUMNS] for row in rows)
    return path


def test_every_pathway_has_its_fields() -> None:
    assert set(MAPPING.fields) <= set(event_fields("farm_record"))
    assert {"straw_kg_per_ha", "soil", "since", "animal", "heads", "source", "quantity"} <= set(
        MAPPING.fields
    )


def test_a_workbook_and_text_in_gbk_give_the_same_events(tmp_path: Path) -> None:
    found, faults, made = read(as_workbook(tmp_path / "l.xlsx", STRAW, {}, DIESEL))
    assert (faults, found.count) == ([], 2)
    assert made[0]["data"] == {
        "pathway": "straw_return", "parcel_id": "东", "start": "2020-01-01", "end": "2021-01-01",
        "area_ha": "364.76", "straw_kg_per_ha": "1920", "paddy": True,
    }  # fmt: skip
    assert made[1]["data"] == {
        "pathway": "emission", "parcel_id": "全场", "start": "2020-03-01", "end": "2020-04-01",
        "quantity": "1250.5", "unit": "kg", "source": "diesel", "evidence": "发票 0042",
    }  # fmt: skip
    assert read(as_text(tmp_path / "l.csv", STRAW, {}, DIESEL))[2] == made


@pytest.mark.parametrize(
    "written",
    ["2020年1月1日", "２０２０／１／１", "2020-01-01", 43831, "43831", datetime(2020, 1, 1)],
)
def test_days_however_they_are_written(written: Any, tmp_path: Path) -> None:
    _, faults, made = read(as_workbook(tmp_path / "l.xlsx", STRAW | {"开始日期": written}))
    assert faults == []
    assert made[0]["data"]["start"] == "2020-01-01"


def test_numbers_in_full_width(tmp_path: Path) -> None:
    wide = STRAW | {"面积（亩）": "５，４７１．４", "秸秆还田量（公斤/亩）": "１２８"}
    data = read(as_workbook(tmp_path / "l.xlsx", wide))[2][0]["data"]
    assert (Decimal(data["area_ha"]), data["straw_kg_per_ha"]) == (Decimal("364.76"), "1920")


def test_what_spreadsheets_hide_is_told_with_row_and_column(tmp_path: Path) -> None:
    formula = STRAW | {"凭证号": "v-3", "面积（亩）": "=5471.4"}
    shared = DIESEL | {"凭证号": "v-4", "数量": None}
    place = COLUMNS.index("数量")
    letter = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[place]
    path = as_workbook(tmp_path / "l.xlsx", formula, DIESEL, shared, merged=f"{letter}4:{letter}5")
    found, faults, made = read(path)
    assert [fault.partition(":")[0] for fault in faults] == ["line 3, 面积（亩）", "line 5, 数量"]
    assert "a formula without a result" in faults[0]
    assert f"part of the merged cells {letter}4:{letter}5" in faults[1]
    assert (found.faulty, len(made)) == (2, 1)


def test_one_merged_cell_names_the_farm_of_its_rows(tmp_path: Path) -> None:
    rows = (STRAW, DIESEL | {"主体编号": None}, DIESEL | {"主体编号": None, "凭证号": "v-9"})
    column = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[COLUMNS.index("主体编号")]
    _, faults, made = read(as_workbook(tmp_path / "l.xlsx", *rows, merged=f"{column}3:{column}4"))
    assert [event["subject"] for event in made] == ["farm:f-1", "farm:f-1"]
    assert faults == ["line 5, 主体编号: expected a value, the cell is blank"]


def test_totals_are_left_out(tmp_path: Path) -> None:
    total = {"地块": "合计", "面积（亩）": "=SUM(H3:H3)"}
    found, faults, made = read(as_workbook(tmp_path / "l.xlsx", STRAW, total))
    assert (faults, len(made), dict(found.left_out)) == ([], 1, {"total": 1})


def test_a_field_of_another_pathway_is_told_with_its_column(tmp_path: Path) -> None:
    _, faults, _ = read(as_workbook(tmp_path / "l.xlsx", STRAW | {"畜种": "生猪"}))
    (fault,) = faults
    assert fault.startswith("line 3, 畜种: animal does not belong to straw_return")
