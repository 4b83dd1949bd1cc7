"""Rows of farm ledgers as events; files of any length; a real one."""

import tracemalloc
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.types import FarmRecord
from tanzhang.importers.identities import Again, identities
from tanzhang.importers.mapped_rows import Sender, SenderError, check_sender
from tanzhang.importers.mapping_files import find_mapping, read_mapping
from tanzhang.importers.pseudonyms import Key
from tanzhang.importers.survey import Source, events, survey
from tests.unit.importers.mapped import (
    BANK,
    HEADER,
    NOW,
    ROW,
    SECRET,
    SENDER,
    Desk,
    kind_of,
    read,
    token,
)

# Farm ledgers

FARM = """\
event: farm_record
table: {csv: {}}
farm: {column: farm}
id: [no]
fields:
  pathway: {constant: straw_return}
  parcel_id: parcel
  start: {column: year, format: "%Y"}
  end: {column: year, format: "%Y", plus: year}
  area_ha: {column: mu, times: 1/15}
  straw_kg_per_ha: {column: jin, times: 7.5}
  paddy: {column: paddy, codes: {是: "true", 否: "false"}}
  replaces: instead
"""
FARM_HEADER = "no,farm,parcel,year,mu,jin,paddy,instead"
FARM_ROW = "1,f-7,东,2020,15,256,是,"
NOBODY = Sender("import")


def test_a_row_becomes_a_farm_record(desk: Desk) -> None:
    done = desk.read(FARM_ROW, text=FARM, header=FARM_HEADER, sender=NOBODY)
    (event,), data = done.events, done.events[0].data
    assert isinstance(data, FarmRecord)
    assert event.subject == "farm:f-7"
    assert event.time == datetime(2020, 12, 31, 16, tzinfo=UTC)
    assert (data.start, data.end, str(data.area_ha), str(data.straw_kg_per_ha), data.paddy) == (
        "2020-01-01", "2021-01-01", "1", "1920", True,
    )  # fmt: skip


def test_farms_are_credit_codes_or_tokens(desk: Desk) -> None:
    rows = [FARM_ROW.replace("f-7", name) for name in ("91330800MA2DEMXY2C", "farm:x", "东 村", "")]
    done = desk.read(*rows, text=FARM, header=FARM_HEADER, sender=NOBODY)
    assert [event.subject for event in done.events] == ["91330800MA2DEMXY2C", "farm:x"]
    assert [said.partition(" (18")[0] for said in done.said()] == [
        "line 4, farm: expected a unified social credit code",
        "line 5, farm: expected a value, the cell is blank",
    ]


def test_farm_numbers_that_are_persons_become_tokens(desk: Desk) -> None:
    text = FARM.replace("{column: farm}", "{column: farm, keyed: true}")
    row = FARM_ROW.replace("f-7", "11010519491231002X")
    done = desk.read(row, text=text, header=FARM_HEADER, sender=Sender("import", key=Key(SECRET)))
    assert done.events[0].subject == f"farm:{token('farm', '11010519491231002X')}"
    with pytest.raises(SenderError, match="posted as pseudonyms"):
        check_sender(desk.mapping(text), NOBODY)


def test_one_farm_for_the_whole_ledger(desk: Desk) -> None:
    text = FARM.replace("farm: {column: farm}\n", "")
    mine = Sender("import", farm="farm:mine")
    done = desk.read(FARM_ROW, text=text, header=FARM_HEADER, sender=mine)
    assert done.events[0].subject == "farm:mine"
    for mapping, sender in ((text, NOBODY), (FARM, mine)):
        with pytest.raises(SenderError, match="the farm either in the mapping"):
            check_sender(desk.mapping(mapping), sender)


def test_a_correction_names_the_row_that_it_replaces(desk: Desk) -> None:
    rows = (FARM_ROW, FARM_ROW.replace("1,f-7", "2,f-7") + "1")
    done = desk.read(*rows, text=FARM, header=FARM_HEADER, sender=NOBODY)
    assert getattr(done.events[1].data, "replaces", None) == done.events[0].id


def test_records_of_two_farms_never_share_an_id(desk: Desk) -> None:
    rows = (FARM_ROW, FARM_ROW.replace("f-7", "f-8"))
    done = desk.read(*rows, text=FARM, header=FARM_HEADER, sender=NOBODY)
    assert len({event.id for event in done.events}) == 2


# Of any length


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=40))
def test_repeats_are_those_of_a_dictionary(rows: list[tuple[int, int]]) -> None:
    first: dict[int, tuple[int, int]] = {}
    expected = set()
    with identities() as seen:
        for line, (id, content) in enumerate(rows):
            seen.note(line, content, str(id), bytes([content]))
            known, stands = first.setdefault(id, (line, content))
            if known != line:
                expected.add(Again(line, known, content, stands == content))
        assert set(seen.repeats()) == expected


def test_a_long_file_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    mapping = Desk(tmp_path).mapping(BANK)

    def peak(rows: int) -> int:
        with path.open("w", encoding="utf-8") as file:
            file.write(HEADER + "\n")
            file.writelines(ROW.replace("t-1", f"t-{n}") + "\n" for n in range(rows))
        tracemalloc.start()
        source = Source(path, mapping, SENDER)
        found = survey(source, now=NOW, describe=kind_of, on_fault=print)
        assert sum(1 for _ in events(source, found)) == found.count == rows
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    short = peak(500)
    # A row is 36 bytes of identity until its share goes to disk, and one byte of mark.
    assert peak(5000) - short < 4500 * 100


# A real file

BERKA = Path(__file__).parents[4] / "shared" / "data" / "bank" / "berka_trans_head.asc"


@pytest.mark.skipif(not BERKA.is_file(), reason="no bank/berka_trans_head.asc in ../shared/data")
def test_twenty_thousand_transactions_of_a_czech_bank() -> None:
    done = read(Source(BERKA, read_mapping(find_mapping("berka")), SENDER))
    found = done.found
    assert (found.rows, found.count, found.faulty, found.repeated) == (20_000, 2_412, 0, 0)
    assert found.events == Counter({"bill_electricity": 1387, "transfer": 1025})
    assert found.left_out == Counter(
        {"credit, interest included": 11_518, "cash withdrawal": 4_395, "bank charge": 1_675}
    )
    assert len({event.id for event in done.events}) == 2_412
