import shutil
from datetime import date
from pathlib import Path

import pytest

from shared.methodology import MethodologyError
from shared.methodology.catalogue import Methodology
from shared.methodology.files import DATA, FILES, load
from shared.methodology.loader import main
from shared.methodology.rows import Row


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def _edit(path: Path, old: str, new: str) -> int:
    """Replace the first `old`; the number of its line."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "fuels_set_a.yaml",
            "carbon: 0.0202, oxidation: 0.98",
            "carbon: 0.0202, oxidation: 98",
            "fuels.diesel.oxidation: expected a share between 0 and 1, got 98",
        ),
        (
            "fuels_set_b.yaml",
            "ncv: 24.515",
            "ncv: high",
            "fuels.anthracite.ncv: expected a number above zero, got 'high'",
        ),
        (
            "fuels_set_b.yaml",
            "ncv: 24.515, ",
            "",
            "fuels.anthracite.ncv: expected a value, it is missing",
        ),
        (
            "fuels_set_a.yaml",
            "diesel: {unit: t, ",
            "diesel: {unit: t, colour: red, ",
            "fuels.diesel.colour: unknown field",
        ),
        (
            "fuels_set_a.yaml",
            "  diesel: ",
            "  dieseel: ",
            "fuels.dieseel: expected one of raw_coal",
        ),
        (
            "fuels_set_a.yaml",
            "  diesel: ",
            "  gasoline: ",
            "fuels.gasoline: expected once, it is here twice",
        ),
        (
            "fuels_set_a.yaml",
            "diesel: {unit: t",
            "diesel: {unit: 1e4Nm3",
            "fuels.diesel.unit: expected a unit that its meters convert to",
        ),
        (
            "grid.yaml",
            "zhejiang.2022: {region: zhejiang, year: 2022",
            "zhejiang.2022: {region: zhejiang, year: soon",
            "grid.zhejiang.2022.year: expected `int`",
        ),
        (
            "gwp.yaml",
            "valid_from: 1990-01-01",
            "valid_from: 1990",
            "valid_from: ",
        ),
        (
            "agri.yaml",
            "mcf: 0.01, ef3: 0.005",
            "ef3: 0.005",
            "manure.compost: expected either ch4 or mcf",
        ),
        (
            "agri.yaml",
            "ef1: ef1_rice, frac_gas: frac_gas_synthetic",
            "ef1: ef1_paddy, frac_gas: frac_gas_synthetic",
            "sources.fertiliser_n_rice.ef1: expected one of ef1, ef1_synthetic",
        ),
        (
            "agri.yaml",
            "ef1: ef1_organic, frac_gas: frac_gas_organic",
            "ef1: ef1_organic",
            "sources.organic_n: expected both of ef1 and frac_gas, or none",
        ),
        (
            "scenarios.yaml",
            "formula: saving",
            "formula: guess",
            "scenarios.ELECTRICITY_SAVING.formula: expected one of per_event, per_quantity, saving, "
            "got 'guess'",
        ),
        (
            "scenarios.yaml",
            "cap: 300, cap_period: month",
            "cap: 300",
            "scenarios.ELECTRICITY_SAVING.cap_period: expected month for a saving",
        ),
        (
            "labels.yaml",
            "default: {deep_green: 0.80",
            "default: {deep_green: 1.80",
            "industrial.default: expected deep_green < light_green < yellow",
        ),
        (
            "labels.yaml",
            "fall_light_green: 0.039",
            "fall_light_green: 0.08",
            "industrial.default: expected fall_deep_green > fall_light_green > fall_yellow",
        ),
        (
            "labels.yaml",
            "months_needed: 11",
            "months_needed: 13",
            "industrial.default.months_needed: expected 1 to 12",
        ),
        (
            "labels.yaml",
            "valid_months: 12, overall",
            "valid_months: 0, overall",
            "industrial.default.valid_months: expected 1 or more",
        ),
        (
            "labels.yaml",
            "peer_deep_green: 0.8",
            "peer_deep_green: 0.4",
            "agri.default: expected peer_medium_green < peer_deep_green",
        ),
        (
            "labels.yaml",
            "peers_needed: 10",
            "peers_needed: 0",
            "agri.default.peers_needed: expected 1 or more",
        ),
        (
            "labels.yaml",
            "peer_per: {planting: ha, ",
            "peer_per: {",
            "agri.default.peer_per: expected breeding, organic_fertiliser, planting",
        ),
        (
            "policies.yaml",
            "confidence: P",
            "confidence: sure",
            "confidence: expected one of V, V2, D, R, P, got 'sure'",
        ),
        ("classification.yaml", '"4131"', '"413"', "rules.mcc_bus.mcc_from: expected four digits"),
        (
            "classification.yaml",
            'mcc_to: "6011"',
            'mcc_to: "6009"',
            "rules.mcc_cash.mcc_to: expected",
        ),
        (
            "classification.yaml",
            "reason: cash",
            "reason: capped",
            "mcc_cash.reason: expected one of",
        ),
        (
            "classification.yaml",
            "reason: cash, ",
            "",
            "mcc_cash: expected either scenario or reason",
        ),
        (
            "classification.yaml",
            "scenario: GOV_FEE",
            "scenario: FEE",
            "expected one of ONLINE_TRAN",
        ),
        (
            "classification.yaml",
            "kind: loan",
            "kind: lone",
            "rules.loan.kind: expected one of tran",
        ),
        ("classification.yaml", "  loan:", "  Loan:", "rules.Loan: expected 2 to 40 of a-z"),
        ("scenarios.yaml", "nfc, auto", "taxi, auto", "TRANSFER.channels.3: expected one of onl"),
        ("scenarios.yaml", "cap: 15000", "cap: NaN", "WALKING.cap: expected a number above zero"),
        ("process.yaml", "gas: N2O", "gas: N3O", "activities.nitric_acid.high_pressure.gas: exp"),
        ("region.yaml", "region:\n", "region: {\n", "not YAML"),
        ("process.yaml", "44/56", "44/0", "activities.clinker.contents"),
        (
            "process.yaml",
            "scales: {dust: adds}",
            "scales: {dust: doubles}",
            "activities.clinker.scales",
        ),
        (
            "process.yaml",
            "scales: {dust: adds}",
            "scales: {CaO*dust: adds}",
            "activities.clinker.scales: expected each share once",
        ),
        (
            "process.yaml",
            "sectors: [cement]",
            "sectors: [steel]",
            "activities.clinker.sectors.0: expected one of any, cement, lime",
        ),
        (
            "process.yaml",
            "needs_share: true, contents: {carbon: 44/12}, source: cement",
            "needs_share: true, source: cement",
            "activities.raw_meal_carbon.needs_share: expected purity and contents",
        ),
        (
            "fuels_set_a.yaml",
            "briquette: {unit: t,",
            "briquette: {unit: t, valid_from: 2025-01-01,",
            "fuels.briquette.valid_from: expected the date of the file; a changed figure is a later",
        ),
        (
            "grid.yaml",
            "value: 0.5366,",
            "value: 0.5366, valid_to: 2024-01-01,",
            "grid.national.2022.valid_to: expected the date of the file",
        ),
        (
            "grid.yaml",
            "enthalpy: 2768.4",
            "enthalpy: 70",
            "heat.steam.enthalpy: expected more than that of the feed water",
        ),
    ],
)
def test_a_wrong_file_names_file_line_and_field(
    data: Path, file: str, old: str, new: str, message: str
) -> None:
    line = _edit(data / file, old, new)
    with pytest.raises(MethodologyError) as error:
        load(data)
    text = str(error.value)
    assert text.startswith(f"{file}:")
    assert message in text
    if "not YAML" not in text:
        assert text.startswith(f"{file}:{line}: ")


@pytest.mark.parametrize(
    ("word", "section"),
    [
        ("sandy", "soc_ref"),
        ("set_aside", "land_use"),
        ("no_till", "tillage"),
        ("low", "input"),
        ("wheat", "burning"),
        ("growing_pig", "animals"),
    ],
)
def test_a_word_of_farm_records_has_its_row(data: Path, word: str, section: str) -> None:
    _edit(data / "agri.yaml", f"  {word}: {{", f"  {word}_: {{")
    with pytest.raises(MethodologyError, match=f"{section}: expected a row '{word}'"):
        load(data)


@pytest.mark.parametrize(("file", "section"), [("labels", "names"), ("policies", "policies")])
def test_every_label_has_a_name_and_a_policy(data: Path, file: str, section: str) -> None:
    old, new = (f"  agri.{label}: {{kind: agri, label: {label}," for label in ("ungraded", "pale"))
    _edit(data / f"{file}.yaml", old, new)
    with pytest.raises(MethodologyError, match=rf"{section}: expected a row 'agri\.ungraded'"):
        load(data)


def test_a_missing_or_empty_file_is_refused(data: Path) -> None:
    (data / "gwp.yaml").write_text("", encoding="utf-8")
    with pytest.raises(MethodologyError, match=r"gwp\.yaml:1: expected a mapping"):
        load(data)
    (data / "gwp.yaml").unlink()
    with pytest.raises(MethodologyError, match=r"gwp\.yaml:1: cannot be read"):
        load(data)


def test_every_row_carries_its_origin() -> None:
    for editions in load(DATA).values():
        for document in editions.documents:
            for rows in document.sections.values():
                for row in rows.values():
                    assert isinstance(row, Row)
                    assert row.source
                    assert row.confidence in ("V", "V2", "D", "R", "P")


def test_there_is_no_file_that_nobody_reads() -> None:
    assert {path.stem for path in DATA.glob("*.yaml")} == set(FILES)


def test_a_later_version_is_taken_from_its_day(data: Path) -> None:
    text = (data / "scenarios.yaml").read_text(encoding="utf-8")
    text = text.replace('version: "1"', 'version: "2"').replace("2018-01-01", "2027-01-01")
    later = text.replace("factor_g: 480.000", "factor_g: 500.000")
    (data / "scenarios-2027.yaml").write_text(later, encoding="utf-8")
    figures = Methodology(load(data))
    old = figures.scenario("ev_charging", date(2026, 12, 31))
    new = figures.scenario("ev_charging", date(2027, 1, 1))
    assert [old.factor_mg, new.factor_mg] == [480_000, 500_000]
    assert [old.label, new.label] == ["scenarios@1", "scenarios@2"]
    assert figures.scenario("ev_charging", date(2010, 1, 1)) == old


def test_a_later_version_keeps_the_numbers_of_the_scenarios(data: Path) -> None:
    text = (data / "scenarios.yaml").read_text(encoding="utf-8")
    text = text.replace('version: "1"', 'version: "2"').replace("2018-01-01", "2027-01-01")
    for was, becomes in (("number: 2,", "number: 0,"), ("number: 3,", "number: 2,")):
        text = text.replace(was, becomes)
    later = text.replace("number: 0,", "number: 3,")
    (data / "scenarios-2027.yaml").write_text(later, encoding="utf-8")
    expected = "BILL_ELECTRICITY.number: expected that of earlier versions: 3 is BILL_WATER"
    with pytest.raises(MethodologyError, match=expected):
        load(data)


def test_a_sector_may_have_its_own_cut_points(data: Path) -> None:
    row = (
        "  '30': {deep_green: 0.70, light_green: 0.90, yellow: 1.10, fall_deep_green: 0.078, "
        "fall_light_green: 0.039, fall_yellow: 0, quality_months_share: 0.9, "
        "quality_cap: light_green, months_needed: 11, valid_months: 12, overall: step}\n"
    )
    _edit(data / "labels.yaml", "industrial:\n", "industrial:\n" + row)
    figures = Methodology(load(data))
    assert figures.label_rules("industrial", "3011") != figures.label_rules("industrial", "1495")
    assert figures.label_rules("industrial", "1495") == figures.label_rules("industrial")


def test_the_command_validates_a_directory(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(data)]) == 0
    assert "fuels_set_a.yaml: fuels_a@1, 24 rows" in capsys.readouterr().out
    _edit(data / "grid.yaml", "value: 0.5153", "value: -1")
    assert main([str(data)]) == 1
    assert "grid.zhejiang.2022.value: expected a number of zero or more" in capsys.readouterr().err
